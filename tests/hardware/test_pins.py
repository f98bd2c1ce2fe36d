"""Pin libraries by name, and clear words where one does not work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from controller.errors import HardwareError, SettingsError
from hardware.pins import PIN_LIBRARIES, describe, open_pin_factory


def test_mock_opens_and_tells_its_facts() -> None:
    pins = open_pin_factory("mock")
    facts = describe(pins)
    pins.close()
    assert (facts.library, facts.chip) == ("mock", None)
    assert facts.board


def test_a_wrong_name_lists_the_choices() -> None:
    with pytest.raises(SettingsError) as refused:
        open_pin_factory("lgpoi")
    assert all(name in str(refused.value) for name in PIN_LIBRARIES)


def test_only_lgpio_has_chips() -> None:
    with pytest.raises(SettingsError, match="chip"):
        open_pin_factory("mock", chip=1)


def test_a_missing_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero.pins.pigpio", None)
    with pytest.raises(HardwareError, match=r"not installed.*pip install"):
        open_pin_factory("pigpio")


def test_a_desk_without_pins_says_what_to_do() -> None:
    """On a machine that is no Raspberry Pi the native library finds no board it knows."""
    if "Raspberry" in Path("/proc/cpuinfo").read_text():
        pytest.skip("this is a Raspberry Pi")
    with pytest.raises(HardwareError, match="does not work here"):
        open_pin_factory("native")


def test_every_library_names_a_class_of_gpiozero() -> None:
    for module, kind in PIN_LIBRARIES.values():
        path = Path(sys.modules["gpiozero"].__file__ or "").parent / "pins" / f"{module.rpartition('.')[2]}.py"
        assert f"class {kind}(" in path.read_text()


@pytest.mark.parametrize(("given", "expected"), [("/run/greenlane", "/run/greenlane"), (None, "/lg-")])
def test_lgpio_works_in_the_runtime_directory(given: str | None, expected: str) -> None:
    """Importing lgpio makes a FIFO in LG_WD: it has to be set before."""
    environment = {k: v for k, v in os.environ.items() if k not in ("LG_WD", "RUNTIME_DIRECTORY")}
    if given:
        environment["RUNTIME_DIRECTORY"] = given
    program = (
        "import os, sys; sys.modules['gpiozero.pins.lgpio'] = None\n"
        "from hardware.pins import open_pin_factory\n"
        "try: open_pin_factory('lgpio')\n"
        "except Exception as error: print(type(error).__name__, os.environ['LG_WD'])"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("HardwareError")
    assert expected in done.stdout


def test_a_chip_that_the_library_overrules_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpiozero 2.0.1 takes chip=N and opens another; a lamp on the wrong chip would be silent."""

    class Stubborn(MockFactory):  # type: ignore[misc]
        chip = 0

        def __init__(self, chip: int) -> None:
            super().__init__()

    monkeypatch.setattr("gpiozero.pins.mock.Stubborn", Stubborn, raising=False)
    monkeypatch.setitem(PIN_LIBRARIES, "lgpio", ("gpiozero.pins.mock", "Stubborn"))
    monkeypatch.setenv("LG_WD", "/tmp")
    with pytest.raises(HardwareError, match="gpiochip0 where gpiochip4"):
        open_pin_factory("lgpio", chip=4)
    open_pin_factory("lgpio", chip=0).close()
