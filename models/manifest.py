"""The manifest of the shipped weights: one JSON file, one section per network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controller.errors import ReaderError

WEIGHTS_FOLDER = Path(__file__).with_name("weights")
MANIFEST = WEIGHTS_FOLDER / "manifest.json"


def load_section(name: str, path: Path = MANIFEST) -> dict[str, Any]:
    """One network's section, for example "recogniser". Raises ReaderError when it cannot be had."""
    sections = _load(path)
    section = sections.get(name)
    if not isinstance(section, dict):
        raise ReaderError(f"The manifest {path} has no section {name!r}.")
    return section


def update_section(name: str, values: Mapping[str, Any], path: Path = MANIFEST) -> None:
    """Replace one network's section and leave the others as they are; makes the file where there is none."""
    sections = _load(path) if path.is_file() else {}
    sections[name] = dict(values)
    text = json.dumps(sections, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


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
