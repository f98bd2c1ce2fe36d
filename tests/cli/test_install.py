"""`greenlane install`: what it writes, that it may be repeated, and that systemd accepts the unit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from greenlane.cli import main
from greenlane.installation import plan

UNIT = "etc/systemd/system/greenlane-lane.service"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or shutil.which("systemctl") is None, reason="needs systemd's programs"
)


def test_dry_run_shows_everything_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--dry-run", "--root", str(tmp_path), "--hardware-watchdog"]) == 0
    shown = capsys.readouterr().out
    for word in (
        "/etc/greenlane/lane.toml",
        "Restart=always",
        "WatchdogSec=",
        "RuntimeWatchdogSec=15",
        "systemctl enable",
        "systemd-sysusers",
        "LG_WD=",
        "--lamp-red",
        "StateDirectory=greenlane",
    ):
        assert word in shown
    assert list(tmp_path.iterdir()) == []


@needs_systemd
def test_twice_gives_the_same_and_keeps_the_owners_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("video:x:44:\n")
    (tmp_path / "etc/passwd").write_text("")
    assert main(["install", "--root", str(tmp_path)]) == 0
    assert "wrote" in capsys.readouterr().out
    settings = tmp_path / "etc/greenlane/lane.toml"
    assert settings.stat().st_mode & 0o777 == 0o640
    settings.write_text("# mine\n")
    before = {
        p: p.read_bytes()
        for p in tmp_path.rglob("*")
        if p.is_file() and "passwd" not in p.name and "shadow" not in p.name
    }
    assert main(["install", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "wrote" not in out
    assert "updated" not in out
    assert settings.read_text() == "# mine\n"
    assert {p: p.read_bytes() for p in before} == before
    wanted = tmp_path / "etc/systemd/system/multi-user.target.wants/greenlane-lane.service"
    assert wanted.is_symlink()
    users = (tmp_path / "etc/passwd").read_text()
    assert users.startswith("greenlane:")
    assert "nologin" in users


def test_a_changed_unit_is_brought_up_to_date(tmp_path: Path) -> None:
    target = tmp_path / UNIT
    target.parent.mkdir(parents=True)
    target.write_text("old")
    step = plan.WriteFile(Path("/") / UNIT, "new\n")
    assert list(plan.carry_out([step], tmp_path)) == [f"updated    /{UNIT}"]
    assert target.read_text() == "new\n"


@pytest.mark.parametrize("path", ["relative/lane.toml", "/with blank/lane.toml", "/per%cent/lane.toml"])
def test_paths_that_systemd_would_misread_are_refused(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--dry-run", "--config", path]) == 1
    assert "absolute path" in capsys.readouterr().err


def test_a_failing_program_is_named(tmp_path: Path) -> None:
    step = plan.RunProgram(("false",), "to fail", True)
    with pytest.raises(plan.InstallError, match="false"):
        list(plan.carry_out([step], Path("/")))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "greenlane"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "greenlane-lane.service"
    unit.write_text(plan.unit_text(program, Path("/etc/greenlane/lane.toml")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "greenlane-lane.service" in line]
    assert complaints == []
    assert done.returncode == 0
    broken = unit.read_text().replace("Restart=always", "Restrat=always")
    unit.write_text(broken)
    again = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Restrat" in again.stderr


def test_unit_and_rules_are_one_file_each() -> None:
    root = Path(__file__).resolve().parents[2]
    assert (root / "deploy/greenlane-lane.service").resolve() == root / "greenlane/installation/greenlane-lane.service"
    rules = root / "greenlane/installation/70-greenlane.rules"
    assert rules.resolve() == root / "deploy/udev/70-greenlane.rules"
    assert 'GROUP="gpio"' in rules.read_text()
