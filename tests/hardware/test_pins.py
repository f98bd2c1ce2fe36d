"""Pin libraries by name, and clear words where one does not work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from controller.errors import HardwareError, SettingsError
from hardware.pins import PIN_LIBRARIES, describe, open_pin_factory, outputs_persist


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
    with pytest.raises(
        HardwareError, match=rf"sudo apt install python3-pigpio .*{sys.prefix}/bin/pip install 'pigpio'"
    ):
        open_pin_factory("pigpio")
    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", None)
    with pytest.raises(HardwareError, match=r"sudo apt install python3-lgpio .*--system-site-packages"):
        open_pin_factory("lgpio")


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


class Wandering(MockFactory):  # type: ignore[misc]
    """As lgpio does when it is imported: goes to LG_WD and stays there."""

    worked_in = ""

    def __init__(self) -> None:
        super().__init__()
        os.chdir(os.environ["LG_WD"])
        Wandering.worked_in = str(Path.cwd())


@pytest.mark.parametrize("given", ["LG_WD", "RUNTIME_DIRECTORY", None])
def test_lgpio_gets_a_folder_and_the_process_stays_where_it_is(
    given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpiozero.pins.mock.Wandering", Wandering, raising=False)
    monkeypatch.setitem(PIN_LIBRARIES, "lgpio", ("gpiozero.pins.mock", "Wandering"))
    for name in ("LG_WD", "RUNTIME_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    if given:
        monkeypatch.setenv(given, str(tmp_path))
    before = (Path.cwd(), os.environ.get("LG_WD"))
    open_pin_factory("lgpio").close()
    assert (Path.cwd(), os.environ.get("LG_WD")) == before
    assert (Wandering.worked_in == str(tmp_path)) is (given is not None)


def test_a_chip_that_the_library_overrules_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpiozero 2.0.1 takes chip=N and opens another; a lamp on the wrong chip would be silent."""

    class Stubborn(MockFactory):  # type: ignore[misc]
        chip = 0

        def __init__(self, chip: int) -> None:
            super().__init__()

    monkeypatch.setattr("gpiozero.pins.mock.Stubborn", Stubborn, raising=False)
    monkeypatch.setitem(PIN_LIBRARIES, "lgpio", ("gpiozero.pins.mock", "Stubborn"))
    with pytest.raises(HardwareError, match="gpiochip0 where gpiochip4"):
        open_pin_factory("lgpio", chip=4)
    open_pin_factory("lgpio", chip=0).close()


@pytest.mark.parametrize(
    ("said", "persist"), [({}, None), ({"pinctrl_bcm2835": "Y"}, True), ({"pinctrl_rp1": "N"}, False)]
)
def test_a_kernel_that_keeps_a_dead_process_green_is_noticed(
    said: dict[str, str], persist: bool | None, tmp_path: Path
) -> None:
    for module, value in said.items():
        folder = tmp_path / module / "parameters"
        folder.mkdir(parents=True)
        (folder / "persist_gpio_outputs").write_text(f"{value}\n")
    assert outputs_persist(tmp_path) is persist
