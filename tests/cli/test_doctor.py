"""`greenlane doctor`: each check finds what is wrong and says what to do."""

from __future__ import annotations

import json
import os
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from controller.checks import Check, Severity, lines, worst
from controller.clock import SystemClock
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateFile, StateUse
from controller.ports import Clock, Dispenser
from controller.settings_records import DispenserSettings, Settings
from controller.watching.moved_view import MovedView, leave_mark
from greenlane import wiring
from greenlane.cli import main
from greenlane.cli.doctor import checks as doctor_checks
from greenlane.wiring import STATE_FILE
from hardware.pins import Pins


def settings(tmp_path: Path, url: str = "http://127.0.0.1:9") -> Settings:
    made = Settings()
    return replace(
        made,
        camera=replace(made.camera, kind="fake", source=""),
        lamp=replace(made.lamp, pins="mock"),
        service=replace(made.service, url=url, deadline_s=1.0),
        trace=replace(made.trace, state_dir=str(tmp_path)),
    )


def calibrated(made: Settings) -> Settings:
    return replace(made, camera=replace(made.camera, region=(0.1, 0.1, 0.9, 0.9)))


def test_a_whole_run_names_every_part_and_fails_without_a_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "lane.toml"
    config.write_text(
        '[camera]\nkind = "fake"\n[lamp]\npins = "mock"\n[service]\nurl = "http://127.0.0.1:9"\n'
        f'[trace]\nstate_dir = "{tmp_path}"\n'
    )
    assert main(["doctor", "--config", str(config), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    verdicts = {check["check"]: check["verdict"] for check in found["checks"]}
    assert found["worst"] == "FAIL"
    assert verdicts["balance service"] == "FAIL"
    assert verdicts["weights"] == "OK"
    assert verdicts["settings"] == "OK"
    assert {"python", "opencv", "camera", "lamp", "disk", "state folder", "clock", "outbox", "boot service"} <= set(
        verdicts
    )
    failed = [check for check in found["checks"] if check["verdict"] != "OK"]
    assert all(check["advice"] for check in failed)


def test_a_typo_in_the_settings_is_shown_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "lane.toml"
    config.write_text('[camera]\nkind = "fake"\nsorce = "x"\n')
    _, check = doctor_checks.check_settings(config)
    assert check.verdict is Severity.FAIL
    assert "sorce" in check.found
    assert "3" in check.found


def test_lamp_red_ends_at_red_and_says_why_it_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "lane.toml"
    config.write_text('[lamp]\npins = "mock"\n')
    assert main(["doctor", "--config", str(config), "--lamp-red"]) == 0
    config.write_text('[lamp]\npins = "rpigpio"\n')
    assert main(["doctor", "--config", str(config), "--lamp-red"]) == 1
    assert "rpigpio" in capsys.readouterr().err


def test_lamp_red_says_that_it_could_not_know_the_pins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = tmp_path / "absent.toml"
    assert main(["doctor", "--config", str(absent), "--lamp-red"]) == 1
    assert f"there is no file {absent}" in capsys.readouterr().err
    absent.write_text("[lamp]\nred_pni = 3\n")
    assert main(["doctor", "--config", str(absent), "--lamp-red"]) == 1
    assert "red_pni" in capsys.readouterr().err


def test_a_named_file_has_to_be_there_and_the_default_need_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = tmp_path / "absent.toml"
    assert main(["doctor", "--config", str(absent)]) == 1
    shown = capsys.readouterr().out
    assert re.search(rf"^FAIL +settings +there is no file {absent}$", shown, re.M), shown
    assert re.search(r"^WARN +camera's view +not checked", shown, re.M), shown
    monkeypatch.setattr(doctor_checks, "LANE_SETTINGS", absent)
    _, check = doctor_checks.check_settings(None)
    assert (check.verdict, check.found) == (Severity.WARN, f"no file {absent}: the defaults count")


def test_parked_messages_fail_and_are_named(tmp_path: Path) -> None:
    clock = SystemClock()
    state = StateFile(tmp_path / STATE_FILE, clock)
    outbox = Outbox(state, clock)
    assert doctor_checks.check_outbox(settings(tmp_path)).verdict is Severity.OK
    number = outbox.put("fuelling", "dispenser-1/7", {"volume_ml": 1})
    assert doctor_checks.check_outbox(settings(tmp_path)).verdict is Severity.WARN
    outbox.park(number, "impossible_fuelling", "end before start")
    check = doctor_checks.check_outbox(settings(tmp_path))
    state.close()
    assert check.verdict is Severity.FAIL
    assert "dispenser-1/7: impossible_fuelling" in check.advice


def test_a_camera_that_cannot_be_opened_is_told_with_its_first_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(tmp_path)
    monkeypatch.setattr("hardware.cameras.CAMERA_WAIT_S", 0.5)
    broken = replace(made, camera=replace(made.camera, kind="v4l2", source="/dev/video-none"))
    check = doctor_checks.check_camera(broken)
    assert check.verdict is Severity.FAIL
    assert "video-none" in check.found
    assert doctor_checks.check_camera(made).verdict is Severity.WARN


def test_the_table_puts_the_advice_below_its_check() -> None:
    checks = (Check("disk", Severity.OK, "fine"), Check("clock", Severity.FAIL, "1970", "set it"))
    shown = lines(checks)
    assert shown == ["OK    disk   fine", "FAIL  clock  1970", "             -> set it"]
    assert worst(checks) is Severity.FAIL
    assert worst(checks[:1]) is Severity.OK


@pytest.mark.parametrize(("lifted", "verdict"), [(True, Severity.WARN), (False, Severity.OK)])
def test_a_nozzle_off_its_seat_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lifted: bool, verdict: Severity
) -> None:
    made = replace(settings(tmp_path), dispenser=DispenserSettings(kind="gpio"))

    wired = wiring.dispenser_of

    def with_a_nozzle(dispenser: DispenserSettings, pins: Pins, clock: Clock) -> Dispenser | None:
        built = wired(dispenser, pins, clock)
        if lifted:
            pins.pin(dispenser.nozzle_pin).drive_low()
        return built

    monkeypatch.setattr(wiring, "dispenser_of", with_a_nozzle)
    (check,) = doctor_checks.check_nozzle(made)
    assert check.verdict is verdict, check
    assert "pin 22" in check.found


def test_a_damaged_copy_is_told_as_long_as_it_lies_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = settings(tmp_path)
    state = tmp_path / STATE_FILE
    with closing(StateFile(state, SystemClock())) as opened:
        Outbox(opened, SystemClock()).put("fuelling", "d 1", {})
    state.write_bytes(state.read_bytes()[:1024] + b"spoilt" * 2000)
    StateFile(state, SystemClock(), use=StateUse.OWN).close()
    check = doctor_checks.check_damage(made)
    assert check.verdict is Severity.WARN
    assert "lane.sqlite3.corrupt-" in check.found
    for copy in tmp_path.glob("*.corrupt-*"):
        copy.unlink()
    assert doctor_checks.check_damage(made).verdict is Severity.OK


def test_a_camera_that_was_never_calibrated_is_told(tmp_path: Path) -> None:
    fresh = settings(tmp_path)
    check = doctor_checks.check_view(fresh)
    assert (check.verdict, check.found) == (Severity.WARN, "not calibrated: the region is the whole picture")
    assert "greenlane calibrate" in check.advice
    assert doctor_checks.check_view(calibrated(fresh)).verdict is Severity.OK


@pytest.mark.slow
def test_a_moved_camera_is_told_until_somebody_calibrates(tmp_path: Path) -> None:
    leave_mark(tmp_path, MovedView("2026-11-28T12:00:00+00:00", -0.12, 0.06))
    check = doctor_checks.check_view(settings(tmp_path))
    assert check.verdict is Severity.WARN
    assert check.found == "moved since 2026-11-28T12:00:00+00:00: what it sees lies 12% to the left and 6% down"
    config = tmp_path / "lane.toml"
    config.write_text(f'[camera]\nkind = "fake"\n[lamp]\npins = "mock"\n[trace]\nstate_dir = "{tmp_path}"\n')
    words = ["calibrate", "--config", str(config), "--seconds", "1", "--no-lamp", "--region", "0.1,0.1,0.9,0.9"]
    main([*words, "--picture", str(tmp_path / "lane.jpg")])
    written, _ = doctor_checks.check_settings(config)
    assert doctor_checks.check_view(written).verdict is Severity.OK


def test_a_damaged_mark_of_a_moved_camera_is_none(tmp_path: Path) -> None:
    (tmp_path / "moved_view.json").write_text('{"at": 1')
    assert doctor_checks.check_view(calibrated(settings(tmp_path))).verdict is Severity.OK


def test_a_check_that_comes_later_stands_in_the_columns_of_those_before() -> None:
    found = [Check("character height", Severity.OK, "30 px"), Check("lamp", Severity.FAIL, "dark", "look at it")]
    assert lines(found) == [*lines(found[:1]), *lines(found[1:], above=found)]


def test_what_is_to_be_installed_goes_where_greenlane_runs() -> None:
    """Debian's own pip refuses, another environment's would help nobody: a hint names the pip beside this Python."""
    root = Path(__file__).resolve().parents[2]
    rooms = ("wire", "controller", "hardware", "models", "service", "station", "greenlane")
    lines_of = ((path, line) for room in rooms for path in (root / room).rglob("*.py") for line in path.open())
    bare = [f"{path}: {line}" for path, line in lines_of if re.search(r"(?<!bin/)(?<!-m )pip install", line)]
    assert not [line for line in bare if "examples" not in line], bare


def test_a_file_system_that_became_read_only_is_no_matter_of_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kernel leaves a card that fails."""
    made, found = settings(tmp_path), os.statvfs(tmp_path)
    assert doctor_checks.check_state(made).verdict is Severity.OK
    flags = (*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax)
    monkeypatch.setattr("os.statvfs", lambda _: os.statvfs_result((*flags, found.f_fsid)))
    check = doctor_checks.check_state(made)
    assert (check.verdict, "only be read" in check.found, "dmesg" in check.advice) == (Severity.FAIL, True, True)
