"""The manifest of the shipped weights: one JSON file, one section per network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

from controller.errors import ReaderError
from wire.files import replace_regular

WEIGHTS_FOLDER = Path(__file__).with_name("weights")
MANIFEST = WEIGHTS_FOLDER / "manifest.json"

STRIP_MEAN, STRIP_SCALE = 127.5, 1 / 127.5
"""Every network that reads a strip sees its levels, 0 to 255, as -1 to 1."""


def load_section(name: str, path: Path = MANIFEST) -> dict[str, Any]:
    """One network's section, for example "recogniser". Raises ReaderError when it cannot be had."""
    section = _load(path).get(name)
    if not isinstance(section, dict):
        raise ReaderError(f"The manifest {path} has no section {name!r}.")
    return section


def update_section(name: str, values: Mapping[str, Any], path: Path = MANIFEST) -> None:
    """Replace one network's section and leave the others as they are; makes the file where there is none."""
    sections = _load(path) if path.is_file() else {}
    sections[name] = dict(values)
    text = json.dumps(sections, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    replace_regular(path, text.encode())


def check_values(what: str, found: object, wanted: Mapping[str, object]) -> None:
    """Raises ReaderError where a value is another one than the weights were made with, as this version knows them.

    Such a network would run, and read something else.
    """
    for name, value in wanted.items():
        given = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(given, bool) or given != value:
            raise ReaderError(
                f"The manifest's {name} of {what} is {short(given)}, but this version knows {value!r} alone."
            )


def check_bounds(what: str, found: object, bounds: Mapping[str, tuple[float, float]]) -> None:
    """Raises ReaderError where a number is missing or not within its bounds; between two integers it is one too."""
    for name, (least, most) in bounds.items():
        given = found.get(name) if isinstance(found, Mapping) else None
        kinds = (int,) if isinstance(least, int) and isinstance(most, int) else (int, float)
        if isinstance(given, bool) or not isinstance(given, kinds) or not least <= given <= most:
            raise ReaderError(
                f"The manifest's {name} of {what} is {short(given)}, which is not within {least} to {most}."
            )


def check_strip(what: str, section: Mapping[str, Any], height: int, width: int, channels: str) -> None:
    """Whether a network's input is this strip. Raises ReaderError."""
    strip = {"height": height, "width": width, "channels": channels, "mean": STRIP_MEAN, "scale": STRIP_SCALE}
    check_values(f"{what}'s input", section.get("input"), strip)


def named_weights(section: object, folder: Path) -> tuple[Path, str]:
    """The file of a network, or of a variant of one, and its SHA-256. Raises ReaderError where they are not named."""
    named = section if isinstance(section, Mapping) else {}
    file, sha256 = named.get("file"), named.get("sha256")
    if not (isinstance(file, str) and isinstance(sha256, str)):
        raise ReaderError(
            f"The manifest names {short(file)} as a network's file and {short(sha256)} as its SHA-256: both are texts."
        )
    return folder / file, sha256


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _load(path: Path) -> dict[str, Any]:
    try:
        sections = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReaderError(f"Cannot read the manifest {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ReaderError(f"The manifest {path} is not JSON ({error}).") from error
    if not isinstance(sections, dict):
        raise ReaderError(f"The manifest {path} is not a JSON object.")
    return sections
