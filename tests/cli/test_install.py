"""`greenlane install`: what it writes, that it may be repeated, and that systemd accepts the unit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from controller import settings as settings_file
from greenlane.cli import _parser as cli_parser
from greenlane.cli import main
from greenlane.installation import engine, plan, servers
from tests.full_disk import full_disk

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


def test_a_full_disk_is_not_a_matter_of_rights(tmp_path: Path) -> None:
    unit = plan.WriteFile(Path("/etc/unit"), "x" * 2_000)
    with full_disk(), pytest.raises(plan.InstallError, match="File too large; then run it again"):
        list(plan.carry_out([unit], tmp_path))
    assert list(plan.carry_out([unit], tmp_path)) == ["wrote      /etc/unit"]


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
    for server in servers.SERVERS.values():
        for unit in server.units:
            assert (root / "deploy" / unit).resolve() == root / "greenlane/installation" / unit
    rules = root / "greenlane/installation/70-greenlane.rules"
    assert rules.resolve() == root / "deploy/udev/70-greenlane.rules"
    assert 'GROUP="gpio"' in rules.read_text()


@needs_systemd
@pytest.mark.parametrize("what", ["service", "station"])
def test_servers_are_installed_twice_alike_with_user_folders_and_units(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", what, "--root", str(tmp_path), "--program", "/opt/greenlane/bin/greenlane"]) == 0
    config = tmp_path / f"etc/greenlane/{what}.env"
    assert config.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / f"var/lib/greenlane-{what}").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / f"etc/systemd/system/multi-user.target.wants/greenlane-{what}.service").is_symlink()
    assert f"greenlane-{what}:" in (tmp_path / "etc/passwd").read_text()
    assert (tmp_path / "etc/systemd/system/timers.target.wants/greenlane-backup.timer").is_symlink() is (
        what == "service"
    )
    assert (tmp_path / "var/backups/greenlane").is_dir() is (what == "service")
    config.write_text("# mine\n")
    capsys.readouterr()
    assert main(["install", what, "--root", str(tmp_path), "--program", "/opt/greenlane/bin/greenlane"]) == 0
    out = capsys.readouterr().out
    assert "wrote" not in out
    assert "updated" not in out
    assert config.read_text() == "# mine\n"


@needs_systemd
def test_backups_go_to_another_disk_by_one_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["install", "service", "--root", str(tmp_path), "--program", "/opt/greenlane/bin/greenlane"]
    assert main(words) == 0
    config = tmp_path / "etc/greenlane/service.env"
    config.write_text("# mine\nGREENLANE_BACKUP=/var/backups/greenlane\nGREENLANE_BACKUP_KEEP=3\n")
    assert main([*words, "--backup", "/mnt/copies"]) == 0
    assert config.read_text() == "# mine\nGREENLANE_BACKUP=/mnt/copies\nGREENLANE_BACKUP_KEEP=3\n"
    assert config.stat().st_mode & 0o777 == 0o640
    drop_in = (tmp_path / "etc/systemd/system/greenlane-backup.service.d/folder.conf").read_text()
    assert "ReadWritePaths=/mnt/copies\n" in drop_in
    assert "RequiresMountsFor=/mnt/copies\n" in drop_in
    assert (tmp_path / "mnt/copies").stat().st_mode & 0o777 == 0o700
    capsys.readouterr()
    assert main([*words, "--backup", "/mnt/copies"]) == 0
    assert "updated" not in capsys.readouterr().out
    for wrong in (
        ["service", "--backup", "copies"],
        ["station", "--backup", "/mnt/copies"],
        ["--backup", "/mnt/copies"],
    ):
        assert main(["install", "--dry-run", *wrong]) == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_servers_units(tmp_path: Path) -> None:
    program = tmp_path / "greenlane"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for server in servers.SERVERS.values():
        for unit in server.units:
            (tmp_path / unit).write_text(plan.filled(unit, program=program))
    units = sorted(str(path) for path in tmp_path.glob("greenlane-*.*"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in done.stderr.splitlines() if "/greenlane-" in line] == []
    assert done.returncode == 0


def test_the_installed_options_are_ones_that_the_programs_take() -> None:
    for server in servers.SERVERS.values():
        values = dict(line.split("=", 1) for line in server.settings.splitlines() if line[:1] not in ("", "#"))
        text = plan.filled(server.units[0], program=Path("/g")) + "".join(
            plan.filled(unit, program=Path("/g")) for unit in server.units[1:] if unit.endswith(".service")
        )
        for command in re.findall(r"^ExecStart=/g (.*)$", text, re.MULTILINE):
            for name, value in values.items():
                command = command.replace(f"${{{name}}}", value).replace(f"${name}", value)
            words = command.split()
            assert "$" not in command
            assert cli_parser(words).parse_args(words)


@needs_systemd
def test_what_lies_there_in_other_letters_is_brought_up_to_date_or_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's editor wrote Latin-1; and a file in the way that can't be read is told, not waited for."""
    words = ["install", "service", "--root", str(tmp_path)]
    assert main(words) == 0
    unit, options = tmp_path / "etc/systemd/system/greenlane-service.service", tmp_path / "etc/greenlane/service.env"
    right = unit.read_bytes()
    unit.write_bytes(b"# caf\xe9\n")
    options.write_bytes(b"# caf\xe9 \xe2\x80\xa8 here\n" + options.read_bytes())
    assert main([*words, "--backup", "/mnt/backups"]) == 0
    assert unit.read_bytes().startswith(right[:100])
    kept = options.read_bytes()
    assert kept.startswith(b"# caf\xe9 \xe2\x80\xa8 here\n")
    assert b"\nGREENLANE_BACKUP=/mnt/backups\n" in kept
    assert (unit.stat().st_mode & 0o777, options.stat().st_mode & 0o777) == (0o644, 0o640)
    capsys.readouterr()
    unit.unlink()
    os.mkfifo(unit)
    assert main(words) == 1
    assert "not a regular file" in capsys.readouterr().err


def test_what_belongs_to_the_lane_alone_is_refused_for_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--hardware-watchdog"], ["--config", "/etc/x.toml"]):
        assert main(["install", "service", "--dry-run", *words]) == 1
        assert "belong to the lane unit, not to service" in capsys.readouterr().err


def test_one_state_folder_for_a_station(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/station.md").read_text(encoding="utf-8")
    folders = set(
        re.findall(r"/var/lib/greenlane[\w-]*", page.partition("### Set it up")[2].partition("| option |")[0])
    )
    assert folders == {str(servers.STATION.state)}
    with pytest.raises(SystemExit):
        main(["station", "--help"])
    assert f"(default: {servers.STATION.state})" in " ".join(capsys.readouterr().out.split())


PLATE = {"plates": ["沪A8K526"], "ms": 6.0}


@pytest.mark.parametrize(
    ("status", "printed", "complaints", "named", "why"),
    [
        (0, json.dumps({"opencv": PLATE | {"ms": 13.0}, "onnxruntime": PLATE}), "", "onnxruntime", "6.0 ms a picture"),
        (0, json.dumps({"opencv": PLATE, "onnxruntime": PLATE | {"plates": []}}), "", "opencv", "other plates"),
        (
            0,
            json.dumps({"opencv": PLATE | {"plates": []}} | {"onnxruntime": PLATE | {"plates": []}}),
            "",
            "opencv",
            "f",
        ),
        (1, "", "Traceback\nReaderError: cannot load", "opencv", "ReaderError: cannot load"),
        (-4, "", "", "opencv", "died of signal 4"),
        (0, "", "", "opencv", "exit 0"),
    ],
)
def test_onnx_runtime_is_chosen_where_its_self_test_passes_and_nowhere_else(
    status: int, printed: str, complaints: str, named: str, why: str
) -> None:
    choice = engine.judge(status, printed, complaints)
    assert choice.engine == named
    assert why in choice.why


def test_the_self_test_reads_the_bundled_vehicle_with_both_engines() -> None:
    pytest.importorskip("onnxruntime", reason="the self-test is of onnxruntime")
    choice = engine.choose()
    assert (choice.engine, choice.why[:6]) == ("onnxruntime", "passed"), choice.why


@needs_systemd
def test_install_says_which_engine_and_an_owners_choice_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--dry-run", "--root", str(tmp_path)]) == 0
    assert "engine     opencv: the self-test of ONNX Runtime applies to this machine only" in capsys.readouterr().out
    kept = tmp_path / "etc/greenlane/lane.toml"
    kept.parent.mkdir(parents=True)
    kept.write_text('[reader]\nengine = "onnxruntime"\n')
    assert main(["install", "--dry-run", "--root", str(tmp_path)]) == 0
    assert "engine     onnxruntime: the settings file that is there names it" in capsys.readouterr().out
    kept.write_text("[reader]\nengine = 3\n")
    assert main(["install", "--dry-run", "--root", str(tmp_path)]) == 0
    assert "engine     opencv: until the settings file that is there is mended" in capsys.readouterr().out


def test_a_new_settings_file_names_the_engine_that_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(engine, "choose", lambda: engine.EngineChoice("onnxruntime", "passed"))
    assert main(["install", "--dry-run", "--config", str(tmp_path / "lane.toml")]) == 0
    shown = capsys.readouterr().out
    written = shown[shown.index("# Settings of one lane") : shown.index("# write /etc/systemd")]
    text = "\n".join(line.removeprefix("    ") for line in written.splitlines())
    assert settings_file.parse(text, "shown").reader.engine == "onnxruntime"
    assert "engine     onnxruntime: passed" in shown


def test_devices_that_are_there_get_the_rule_before_the_unit_starts(tmp_path: Path) -> None:
    options = plan.Options(Path("/opt/greenlane"), Path("/etc/greenlane/lane.toml"), "", False, start=True)
    words = [" ".join(step.words) for step in plan.steps(options) if isinstance(step, plan.RunProgram)]
    places = [next(i for i, w in enumerate(words) if w.startswith(s)) for s in ("udevadm trigger", "systemctl restart")]
    assert places == sorted(places)
    rules = (Path(plan.__file__).parent / plan.RULES).read_text()
    named = set(re.findall(r'^SUBSYSTEM=="(\w+)"', rules, re.MULTILINE))
    assert named == set(re.findall(r"--subsystem-match=(\w+)", words[places[0]]))


@needs_systemd
@pytest.mark.parametrize("what", ["lane", "service", "station"])
def test_uninstall_removes_what_install_wrote_and_keeps_the_owners(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"lane": ["--hardware-watchdog"], "service": ["--backup", "/mnt/backups"], "station": []}[what]
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("video:x:44:\n")
    (tmp_path / "etc/passwd").write_text("")
    place = ["--root", str(tmp_path)]
    assert main(["install", what, *place, *more, "--program", "/opt/greenlane/bin/greenlane"]) == 0
    capsys.readouterr()
    assert main(["uninstall", what, *place, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert f"# remove /etc/systemd/system/greenlane-{what}.service" in shown
    assert "systemctl stop" in shown
    assert main(["uninstall", what, *place]) == 0
    out = capsys.readouterr().out
    named = "lane.toml" if what == "lane" else f"{what}.env"
    assert f"kept       /etc/greenlane/{named}" in out
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.glob("etc/*/**/*") if p.is_file() or p.is_symlink()}
    assert left == {f"etc/greenlane/{named}"}
    assert main(["uninstall", what, *place]) == 1
    assert "nothing to take away" in capsys.readouterr().err
