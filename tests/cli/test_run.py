"""`greenlane run` as the boot service calls it: one unit per state folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controller.outbound.folder_lock import FolderInUse, FolderLock

UNIT = """[camera]
kind = "fake"
[lamp]
kind = "gpio"
pins = "mock"
[service]
url = "http://127.0.0.1:9"
report = false
[trace]
state_dir = "{folder}"
"""


def started(config: Path) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("greenlane")), "run", "--config", str(config)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.slow
def test_a_second_unit_on_one_state_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    config = tmp_path / "lane.toml"
    config.write_text(UNIT.format(folder=tmp_path / "state"), encoding="utf-8")
    first = started(config)
    try:
        assert first.stdout is not None
        line = next(line for line in first.stdout if "lane lane-1" in line)
        assert "lane-1" in line
        second = started(config)
        output, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "another greenlane run runs on this state folder" in output
        assert "Traceback" not in output
        assert first.poll() is None
        first.send_signal(signal.SIGKILL)
        first.wait(30)
        with_the_folder_free = started(config)
        assert with_the_folder_free.stdout is not None
        assert next(line for line in with_the_folder_free.stdout if "lane lane-1" in line)
        with_the_folder_free.send_signal(signal.SIGTERM)
        assert with_the_folder_free.wait(30) == 0
    finally:
        first.kill()
        first.wait(30)


def test_a_unit_that_is_stopped_while_it_starts_ends_in_order(tmp_path: Path) -> None:
    config = tmp_path / "lane.toml"
    config.write_text(UNIT.format(folder=tmp_path / "state"), encoding="utf-8")
    unit = started(config)
    while not (tmp_path / "state").exists():
        assert unit.poll() is None
        time.sleep(0.01)
    unit.send_signal(signal.SIGTERM)
    output, _ = unit.communicate(timeout=60)
    assert unit.returncode == 0, output


def test_the_lock_is_given_back(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, "greenlane run")
    with pytest.raises(FolderInUse, match="name another folder"):
        FolderLock(tmp_path, "greenlane run")
    lock.close()
    lock.close()
    FolderLock(tmp_path, "greenlane run").close()
    assert os.listdir(tmp_path) == ["running.lock"]
