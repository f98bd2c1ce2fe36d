"""The document of `simulate --json` keeps its names and types; scripts have been made from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from greenlane.simulation.results import document
from tests.simulation.typed_names import typed_names
from tests.simulation.visit_results import result

KNOWN = set(Path(__file__).with_name("document_names.txt").read_text(encoding="utf-8").split("\n")) - {""}
"""As version 7a563ad wrote the bundled clip's; tests/cli/test_demo_clip.py compares the whole clip's."""


def test_every_name_of_before_is_there_with_its_type() -> None:
    found = typed_names(document((replace(result(b""), error=None),)))
    assert _names(KNOWN) - _names(found) == set()
    filled = {name for name in found if not name.endswith(" null")}
    assert {name for name in filled if name.partition(" ")[0] in _names(KNOWN)} - KNOWN == set()


def _names(typed: set[str]) -> set[str]:
    return {name.partition(" ")[0] for name in typed}


def test_a_name_that_changes_its_type_is_seen() -> None:
    assert typed_names({"a": [{"b": 1.5}]}) == {"(document) object", "a array", "a[] object", "a[].b number"}
    assert typed_names({"a": [{"b": 1}]}) == typed_names({"a": [{"b": 1.5}]})
    assert typed_names({"a": [{"b": "1"}]}) != typed_names({"a": [{"b": 1}]})
