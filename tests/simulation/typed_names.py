"""The names in a JSON document with the types of what stands under them: visits[].fuelling.volume_ml number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_TYPES = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "string"}


def typed_names(document: Any) -> set[str]:
    """Of numbers one kind alone: JSON knows no other."""
    return set(_walk(document, ""))


def _walk(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"{name or '(document)'} object"
        for key, below in value.items():
            yield from _walk(below, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list):
        yield f"{name} array"
        for below in value:
            yield from _walk(below, f"{name}[]")
    else:
        yield f"{name} {_TYPES[type(value)]}"
