"""The wiring: every named part can be built, a wrong name lists the choices, and nothing half built stays open."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from controller import settings as settings_file
from controller.clock import ManualClock, SystemClock
from controller.errors import SettingsError
from controller.settings_records import (
    CameraSettings,
    DispenserSettings,
    LampSettings,
    ServiceSettings,
    Settings,
    TraceSettings,
    table,
)
from greenlane import wiring
from greenlane.cli import main
from hardware.lamp import FakeLamp, GpioLamp
from hardware.pins import PIN_LIBRARIES, open_pin_factory


def choices(section: str, key: str) -> tuple[str, ...]:
    return next(f.choices for f in table() if (f.section, f.key) == (section, key))


def fake_settings(folder: Path) -> Settings:
    """A lane without any hardware or service."""
    return Settings(
        camera=CameraSettings(kind="fake", width_px=320, height_px=240),
        lamp=LampSettings(kind="gpio", pins="mock"),
        dispenser=DispenserSettings(kind="simulated"),
        service=ServiceSettings(url="http://127.0.0.1:9"),
        trace=TraceSettings(state_dir=str(folder / "state")),
    )


def test_the_settings_offer_exactly_what_can_be_built() -> None:
    from hardware.cameras import CAMERAS
    from models.engines import ENGINES

    assert set(choices("camera", "kind")) == set(CAMERAS)
    assert set(choices("reader", "engine")) >= set(ENGINES)
    assert set(choices("lamp", "kind")) == set(wiring.LAMPS)
    assert set(choices("lamp", "pins")) == set(PIN_LIBRARIES)
    assert set(choices("dispenser", "kind")) == {"none", *wiring.DISPENSERS}


def test_lamps_and_dispensers_by_name() -> None:
    clock, pins = ManualClock(), open_pin_factory("mock")
    lamp = wiring.lamp_of(LampSettings(), pins, clock)
    assert isinstance(lamp, GpioLamp)
    lamp.close()
    assert isinstance(wiring.lamp_of(LampSettings(kind="fake"), None, clock), FakeLamp)
    assert wiring.dispenser_of(DispenserSettings(), pins, clock) is None
    for kind in wiring.DISPENSERS:
        made = wiring.dispenser_of(DispenserSettings(kind=kind), pins, clock)
        assert made is not None
        made.close()
    pins.close()


def test_a_wrong_name_lists_the_choices() -> None:
    with pytest.raises(SettingsError, match="there are gpio, fake"):
        wiring.lamp_of(LampSettings(kind="neon"), None, ManualClock())
    with pytest.raises(SettingsError, match="write none, gpio, simulated"):
        wiring.dispenser_of(DispenserSettings(kind="bucket"), None, ManualClock())


def test_visit_ids_are_short_plain_and_new() -> None:
    new_id = wiring.new_visit_id("泵 4/east" + "x" * 50, ManualClock())
    ids = {new_id() for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9-]{1,60}", i) for i in ids)


def test_a_lane_unit_starts_turns_and_ends(tmp_path: Path) -> None:
    with wiring.LaneUnit(fake_settings(tmp_path), SystemClock()) as unit:
        timer = threading.Timer(1.0, unit.stop)
        timer.start()
        assert unit.run() == 0
        assert unit.runner.state.fault
    unit.close()
    assert (tmp_path / "state" / wiring.STATE_FILE).exists()


def test_a_lane_unit_that_cannot_be_built_closes_what_it_had(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path)
    broken = replace(settings, service=ServiceSettings(url="ftp://nowhere"))
    before = threading.active_count()
    with pytest.raises(SettingsError, match="service url"):
        wiring.LaneUnit(broken)
    assert threading.active_count() <= before


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    with pytest.raises(SettingsError, match="state_dir"):
        wiring.LaneUnit(fake_settings(tmp_path))


class TestCommand:
    def test_it_checks_settings(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        config = tmp_path / "lane.toml"
        config.write_text(settings_file.example(), encoding="utf-8")
        assert main(["run", "--config", str(config), "--check"]) == 0
        assert "good" in capsys.readouterr().out

    def test_a_typo_is_told_with_its_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        config = tmp_path / "lane.toml"
        config.write_text("[lamp]\nred_pni = 3\n", encoding="utf-8")
        assert main(["run", "--config", str(config)]) == 1
        output = capsys.readouterr().err
        assert "line 2: red_pni is not a setting of [lamp]; did you mean red_pin?" in output

    def test_a_missing_file_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["run", "--config", str(tmp_path / "none.toml")]) == 1
        assert "cannot be read" in capsys.readouterr().err
