"""A disk that takes nothing more: told before the work begins, and no half file is left."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlane.cli.outputs import fresh_file
from wire.outputs import OutputError, check_file, check_folder


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file may become larger than a kilobyte, which nobody has to be root for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_before_the_work(tmp_path: Path, little_room: None) -> None:
    with pytest.raises(OutputError, match=r"--report .* cannot be written: File too large"):
        check_folder("--report", tmp_path / "report")
    with pytest.raises(OutputError, match=r"--html .* cannot be written: File too large"):
        check_file("--html", tmp_path / "page.html")
    assert [path.name for path in tmp_path.rglob("*")] == ["report"]


def test_a_file_that_cannot_be_written_whole_is_not_left(tmp_path: Path, little_room: None) -> None:
    (tmp_path / "lane.jpg").write_bytes(b"of somebody")
    with pytest.raises(OSError, match="File too large"):
        fresh_file(tmp_path, "lane", ".jpg", bytes(5000))
    assert [path.name for path in tmp_path.iterdir()] == ["lane.jpg"]
    assert fresh_file(tmp_path, "lane", ".jpg", b"small").name == "lane-2.jpg"
