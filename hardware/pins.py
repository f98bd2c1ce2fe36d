"""Pin libraries by name, and the traps of lgpio."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpiozero import GPIOZeroError

from controller.errors import HardwareError, SettingsError

PIN_LIBRARIES: dict[str, tuple[str, str]] = {
    "lgpio": ("gpiozero.pins.lgpio", "LGPIOFactory"),
    "rpigpio": ("gpiozero.pins.rpigpio", "RPiGPIOFactory"),
    "pigpio": ("gpiozero.pins.pigpio", "PiGPIOFactory"),
    "native": ("gpiozero.pins.native", "NativeFactory"),
    "mock": ("gpiozero.pins.mock", "MockFactory"),
}

_PACKAGES = {
    "lgpio": ("python3-lgpio", "lgpio>=0.2.2.0"),
    "rpigpio": ("python3-rpi.gpio", "RPi.GPIO"),
    "pigpio": ("python3-pigpio", "pigpio"),
}
"""What apt and the package index call what gpiozero itself does not hold. Below 0.2.2.0 the index's lgpio is empty."""

Pins = Any
"""A gpiozero pin factory; gpiozero ships no types."""


def open_pin_factory(name: str, chip: int | None = None) -> Pins:
    """The pin library of that name. The caller closes it, after the devices made with it.

    chip: number of /dev/gpiochipN for lgpio; left out, gpiozero chooses by the board.
    Raises SettingsError for an unknown name, HardwareError with the remedy where the library does not work here.
    """
    if name not in PIN_LIBRARIES:
        raise SettingsError(f"unknown pin library {name!r}; there are {', '.join(PIN_LIBRARIES)}")
    if chip is not None and name != "lgpio":
        raise SettingsError(f"only lgpio accepts a chip number, not {name}")
    try:
        with _folder_of_lgpio() if name == "lgpio" else nullcontext():
            return _made(name, chip)
    except ImportError as error:
        package, wheel = _PACKAGES.get(name, ("python3-gpiozero", "gpiozero"))
        raise HardwareError(
            f"pin library {name} is not installed: {error}; sudo apt install {package} (greenlane's environment has to"
            f" be made with --system-site-packages); where apt has none: sudo {sys.prefix}/bin/pip install '{wheel}'"
        ) from error
    except pin_errors() as error:
        raise HardwareError(f"pin library {name} does not work here: {_remedy(error)}") from error


def pin_errors() -> tuple[type[Exception], ...]:
    """What driving a pin can raise, with the library that is loaded."""
    lgpio = sys.modules.get("lgpio")
    return (GPIOZeroError, OSError) if lgpio is None else (GPIOZeroError, OSError, lgpio.error)


@dataclass(frozen=True, slots=True)
class PinFacts:
    """Which library drives the pins, of which board, on which chip (None where the library has no such notion).

    outputs_persist: see outputs_persist().
    """

    library: str
    board: str
    chip: int | None
    outputs_persist: bool | None


def describe(pins: Pins) -> PinFacts:
    """Facts for doctor about an open pin factory."""
    names = {made: name for name, (_, made) in PIN_LIBRARIES.items()}
    kind = type(pins).__name__
    return PinFacts(
        names.get(kind, kind), str(pins.board_info.description), getattr(pins, "chip", None), outputs_persist()
    )


def outputs_persist(modules: Path = Path("/sys/module")) -> bool | None:
    """Whether pins keep their last level when their process is killed, green included; None where nothing tells.

    Raspberry Pi's kernels do so unless config.txt holds dtparam=strict_gpiod (raspberrypi/linux pull request 6117).
    """
    said = [path.read_text().strip() for path in modules.glob("pinctrl_*/parameters/persist_gpio_outputs")]
    return any(value in ("Y", "1") for value in said) if said else None


def _made(name: str, chip: int | None) -> Pins:
    module, kind = PIN_LIBRARIES[name]
    factory = getattr(importlib.import_module(module), kind)
    if chip is None:
        return factory()
    pins = factory(chip=chip)
    if pins.chip != chip:
        pins.close()
        raise HardwareError(f"this release of gpiozero opens gpiochip{pins.chip} where gpiochip{chip} is asked for")
    return pins


@contextmanager
def _folder_of_lgpio() -> Iterator[None]:
    """Importing lgpio goes to LG_WD for good, or stays, makes a FIFO there and fails where it cannot.

    It gets LG_WD or systemd's runtime directory, else a folder of its own; the working directory is kept.
    """
    before, given = Path.cwd(), os.environ.get("LG_WD")
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    with tempfile.TemporaryDirectory(prefix="lg-", ignore_cleanup_errors=True) as own:
        os.environ["LG_WD"] = given or runtime or own
        try:
            yield
        finally:
            os.chdir(before)
            if given is None:
                del os.environ["LG_WD"]


def _remedy(error: Exception) -> str:
    kind = type(error).__name__
    if kind == "PinUnknownPi":
        return "this is no Raspberry Pi that gpiozero knows; use the pin library mock on a desk"
    if isinstance(error, PermissionError) or "open gpiochip" in str(error):
        return f"{error}; is there a /dev/gpiochip, and is this user in the group gpio?"
    return f"{kind}: {error}"
