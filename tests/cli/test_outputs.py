"""A disk that takes nothing more: told before the work begins, and no half file is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.cli.outputs import fresh_file
from tests.full_disk import full_disk
from wire.outputs import OutputError, check_file, check_folder


def test_a_full_disk_is_told_before_the_work(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(OutputError, match=r"--report .* cannot be written: File too large"):
        check_folder("--report", tmp_path / "report")
    with full_disk(), pytest.raises(OutputError, match=r"--html .* cannot be written: File too large"):
        check_file("--html", tmp_path / "page.html")
    assert [path.name for path in tmp_path.rglob("*")] == ["report"]


def test_a_file_that_cannot_be_written_whole_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "lane.jpg").write_bytes(b"of somebody")
    with full_disk(), pytest.raises(OSError, match="File too large"):
        fresh_file(tmp_path, "lane", ".jpg", bytes(5000))
    assert [path.name for path in tmp_path.iterdir()] == ["lane.jpg"]
    assert fresh_file(tmp_path, "lane", ".jpg", b"small").name == "lane-2.jpg"


@pytest.mark.parametrize("name", ["notes.txt", "notes.txt/report"])
def test_a_file_where_a_folder_should_be_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("of somebody")
    with pytest.raises(OutputError, match=r"notes.txt.*: is not a folder, or lies in a file; name another folder"):
        check_folder("--report", tmp_path / name)
