"""Which files are read that a person names, and which are refused before they are opened."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wire.files import open_regular, read_regular, replace_regular, sync_folder, write_private


def test_a_file_is_read_also_by_a_link(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to(file)
    assert read_regular(tmp_path / "link", 10) == b"x" * 10
    with open_regular(str(file)) as opened:
        assert opened.read(3) == b"xxx"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 11)
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_regular(tmp_path / "file", 10)


def test_what_would_never_end_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for odd in (tmp_path, tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero")):
            with pytest.raises(OSError, match="not a regular file"):
                open_regular(odd)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


def test_a_file_is_replaced_whole_behind_its_link_and_keeps_its_mode(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    usual = os.umask(0o077)
    try:
        replace_regular(file, b"one")
        replace_regular(tmp_path / "open", b"one", 0o644)
    finally:
        os.umask(usual)
    assert (file.stat().st_mode & 0o777, (tmp_path / "open").stat().st_mode & 0o777) == (0o600, 0o644)
    link.symlink_to(file)
    with open_regular(file) as before:
        replace_regular(link, b"two")
        assert before.read() == b"one", "what is being read stays as it was"
    assert (link.is_symlink(), file.read_bytes(), file.stat().st_mode & 0o777) == (True, b"two", 0o600)


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for odd in (tmp_path, tmp_path / "pipe", tmp_path / "link", Path("/dev/null")):
        with pytest.raises(OSError, match="not a regular file"):
            replace_regular(odd, b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


INTERRUPTED = """
import sys
from wire.files import replace_regular

def interrupt(event, given):
    if event == "os.rename":
        raise KeyboardInterrupt

sys.addaudithook(interrupt)
replace_regular(sys.argv[1], b"new")
"""


def test_ctrl_c_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, tmp_path / "file"], capture_output=True, check=False)
    assert b"KeyboardInterrupt" in done.stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_private_file_is_its_folder_s_owner_s_and_never_in_another_s_place(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 1234, 1234)
    write_private(tmp_path / "key", b"secret")
    made = (tmp_path / "key").stat()
    assert (made.st_mode & 0o777, made.st_uid) == (0o600, tmp_path.stat().st_uid)
    (tmp_path / "dangling").symlink_to("nowhere")
    for there in ("key", "dangling"):
        with pytest.raises(FileExistsError):
            write_private(tmp_path / there, b"other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "key"]
    assert (tmp_path / "key").read_bytes() == b"secret"


def test_what_is_written_outlasts_a_power_cut_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's name is in its folder, which goes to the disk by itself."""
    synced: list[list[str]] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            synced.append([name for name in os.listdir(handle) if not name.startswith(".")])
        sync(handle)

    monkeypatch.setattr("os.fsync", noted)
    replace_regular(tmp_path / "a", b"a")
    write_private(tmp_path / "b", b"b")
    assert [sorted(names) for names in synced] == [["a"], ["a", "b"]]


def test_a_file_system_that_does_not_know_of_folders_on_the_disk_is_no_failure() -> None:
    sync_folder(Path("/proc"))
    with pytest.raises(FileNotFoundError):
        sync_folder(Path("/proc/none"))
