"""Sections of the manifest live side by side, and a broken file is a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.errors import ReaderError
from models.manifest import load_section, sha256_of, update_section


def test_sections_do_not_touch_each_other(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    update_section("recogniser", {"alphabet": "京A"}, path)
    update_section("detector", {"side": 384}, path)
    update_section("recogniser", {"alphabet": "皖B"}, path)
    assert load_section("recogniser", path) == {"alphabet": "皖B"}
    assert load_section("detector", path) == {"side": 384}
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]


def test_missing_section_names_it(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    update_section("detector", {}, path)
    with pytest.raises(ReaderError, match="recogniser"):
        load_section("recogniser", path)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"recogniser": 3}'])
def test_broken_files_are_reader_errors(tmp_path: Path, content: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ReaderError, match="manifest"):
        load_section("recogniser", path)


def test_missing_file_is_a_reader_error(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="Cannot read"):
        load_section("recogniser", tmp_path / "none.json")


def test_sha256_is_the_known_one(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
