"""`greenlane calibrate`: measures of plates whose size, slope and blur are known, and the command around them."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from controller import settings as settings_file
from controller.checks import Check, Severity
from controller.records import CharacterRead, Colour, Corners, PlateRead, Region
from controller.settings_records import ReaderSettings, Settings
from controller.watching import calibration
from greenlane.cli import calibrate_run, main
from greenlane.installation.engine import EngineChoice, choose
from greenlane.simulation.cast import bundled
from models.grammar import PlateKind
from models.training.drawing.plates import draw_plate

TEXT = "沪A8K526"


def scene(
    width_px: float, degrees: float = 0.0, blur_px: float = 0.0, gain: float = 1.0
) -> tuple[NDArray[np.uint8], PlateRead]:
    """A grey 1280x720 frame with one blue plate of that width, its slope, softness and brightness, and its read."""
    plate = draw_plate(np.random.default_rng(3), PlateKind.BLUE, TEXT, px_per_mm=1.0).image
    height_px = width_px * 140 / 440
    turn = math.radians(degrees)
    across = np.array([math.cos(turn), math.sin(turn)]) * width_px / 2
    down = np.array([-math.sin(turn), math.cos(turn)]) * height_px / 2
    centre = np.array([640.0, 500.0])
    corners = np.array([centre - across - down, centre + across - down, centre + across + down, centre - across + down])
    frame = np.full((720, 1280, 3), 90, np.uint8)
    box = np.array([[0, 0], [440, 0], [440, 140], [0, 140]], np.float32)
    matrix = cv2.getPerspectiveTransform(box, corners.astype(np.float32))
    small = cv2.GaussianBlur(plate, (0, 0), 0.5 * 440 / width_px)
    cv2.warpPerspective(
        small, matrix, (1280, 720), dst=frame, borderMode=cv2.BORDER_TRANSPARENT, flags=cv2.INTER_LINEAR
    )
    if blur_px:
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), blur_px), np.uint8)
    frame = np.clip(frame.astype(np.float32) * gain, 0, 255).astype(np.uint8)
    tl, tr, br, bl = ((float(x), float(y)) for x, y in corners)
    made: Corners = (tl, tr, br, bl)
    return frame, PlateRead(tuple(CharacterRead(s, 0.99) for s in TEXT), made, Colour.BLUE, "blue", 1, 0.9)


def verdicts(found: Sequence[Check]) -> dict[str, Severity]:
    return {check.name: check.verdict for check in found}


def judged(*arguments: float, **named: float) -> dict[str, Severity]:
    return verdicts(calibration.judge([calibration.measure(*scene(*arguments, **named))] * 6, 10))


def test_a_good_plate_passes_everything() -> None:
    assert set(judged(180).values()) == {Severity.OK}


@pytest.mark.parametrize("width_px", [60.0, 100.0, 240.0])
def test_sizes_are_measured_in_pixels(width_px: float) -> None:
    found = calibration.measure(*scene(width_px))
    assert found.width_px == pytest.approx(width_px, rel=0.01)
    assert found.character_height_px == pytest.approx(width_px * 90 / 440, rel=0.01)
    assert found.stroke_px == pytest.approx(width_px * 10 / 440, rel=0.01)


@pytest.mark.parametrize("degrees", [-25.0, -8.0, 0.0, 12.0])
def test_the_slope_is_measured_in_degrees(degrees: float) -> None:
    assert calibration.measure(*scene(160, degrees)).roll_deg == pytest.approx(degrees, abs=0.3)


@pytest.mark.parametrize(
    ("arguments", "named", "check", "verdict"),
    [
        ((50.0,), {}, "plate width", Severity.FAIL),
        ((50.0,), {}, "character height", Severity.FAIL),
        ((60.0,), {}, "stroke", Severity.FAIL),
        ((100.0,), {}, "plate width", Severity.WARN),
        ((160.0,), {"degrees": 25.0}, "slope", Severity.FAIL),
        ((160.0,), {"blur_px": 4.0}, "sharpness", Severity.FAIL),
        ((160.0,), {"gain": 0.15}, "exposure", Severity.FAIL),
        ((160.0,), {"gain": 0.15}, "contrast", Severity.FAIL),
        ((160.0,), {"gain": 4.0}, "exposure", Severity.FAIL),
    ],
)
def test_what_is_wrong_fails(arguments: tuple[float], named: dict[str, float], check: str, verdict: Severity) -> None:
    assert judged(*arguments, **named)[check] is verdict


@pytest.mark.parametrize(("slope", "said"), [(1.0, "1 degree"), (3.0, "3 degrees")])
def test_one_degree_is_not_several(slope: float, said: str) -> None:
    checks = calibration.judge([calibration.measure(*scene(160.0, slope))] * 6, 10)
    assert next(check.found for check in checks if check.name == "slope") == said


def test_a_camera_at_the_side_squeezes_the_plate() -> None:
    frame, plate = scene(160)
    squeezed = replace(plate, corners=tuple((x * 0.7, y) for x, y in plate.corners))  # type: ignore[arg-type]
    found = calibration.measure(frame, squeezed)
    assert found.off_axis_deg == pytest.approx(math.degrees(math.acos(0.7)), abs=1.5)


def test_too_few_reads_is_one_clear_failure() -> None:
    (check,) = calibration.judge([], 225)
    assert check.verdict is Severity.FAIL
    assert "no plate was read in 225 frames" in check.found
    (check,) = calibration.judge([calibration.measure(*scene(160))], 225)
    assert (check.verdict, check.found) == (Severity.FAIL, "only 1 read in 225 frames")


@pytest.mark.slow
def test_the_proposed_region_holds_every_plate_and_forgets_a_stray_one() -> None:
    plates = [scene(150)[1] for _ in range(40)]
    stray = replace(plates[0], corners=((1200.0, 20.0), (1270.0, 20.0), (1270.0, 40.0), (1200.0, 40.0)))
    region = calibration.propose_region([*plates, stray], 1280, 720)
    assert region.holds(640, 500, 1280, 720)
    assert not region.holds(1235, 30, 1280, 720)
    assert 0 <= region.left < region.right <= 1
    assert 0 <= region.top < region.bottom <= 1


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn frames: the file camera plays it like a clip."""
    folder = tmp_path_factory.mktemp("frames")
    for number in range(8):
        frame, _ = scene(170, degrees=number * 0.3)
        cv2.imwrite(str(folder / f"{number}.png"), frame)
    return folder


def test_it_writes_the_region_and_the_picture(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, annotated = tmp_path / "lane.toml", tmp_path / "seen.png"
    config.touch()
    words = ["calibrate", "--clip", str(picture), "--config", str(config), "--picture", str(annotated), "--no-lamp"]
    assert main([*words, "--json", "--region", "0.1,0.2,0.9,1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["reads"] >= 5
    assert found["measures"]["width_px"] == pytest.approx(170, rel=0.08)
    assert settings_file.load(config).camera.region == (0.1, 0.2, 0.9, 1.0)
    assert cv2.imread(str(annotated)).shape == (720, 1280, 3)
    engine = next(check["found"] for check in found["checks"] if check["check"] == "engine")
    assert engine.startswith(f"{choose().engine}: ")
    assert settings_file.load(config).reader.engine == choose().engine
    config.write_text("", encoding="utf-8")
    assert main([*words, "--dry-run"]) == 0
    assert config.read_text(encoding="utf-8") == ""


def test_a_recording_alone_is_judged_and_changes_nothing_of_this_machine(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It wrote /etc/greenlane/lane.toml, and the pins of a lane were looked for, on whose machine ever it was tried."""
    installed = tmp_path / "etc" / "lane.toml"
    monkeypatch.setattr("greenlane.cli.calibrate.LANE_SETTINGS", installed)
    assert main(["calibrate", "--clip", str(picture), "--picture", str(tmp_path / "seen.png")]) == 0
    printed = capsys.readouterr()
    assert "settings: nothing written without --config FILE" in printed.out
    assert "proposed region = [" in printed.out
    assert "lamp" not in "".join(printed)
    assert not installed.exists()


def test_a_lane_keeps_the_engine_that_a_technician_asks_for(picture: Path, tmp_path: Path) -> None:
    config = tmp_path / "lane.toml"
    config.touch()
    words = ["--clip", str(picture), "--config", str(config), "--picture", str(tmp_path / "seen.png"), "--no-lamp"]
    assert main(["calibrate", *words, "--region", "0.1,0.2,0.9,1", "--engine", "opencv"]) == 0
    assert settings_file.load(config).reader.engine == "opencv"


@pytest.mark.parametrize(
    ("before", "chosen", "after", "verdict"),
    [
        ("opencv", "onnxruntime", "onnxruntime", Severity.OK),
        ("opencv", "opencv", "opencv", Severity.OK),
        ("onnxruntime", "opencv", "opencv", Severity.WARN),
        ("easyocr", "onnxruntime", "easyocr", Severity.OK),
    ],
)
def test_an_engine_that_fails_its_self_test_is_left_and_said_so(
    before: str, chosen: str, after: str, verdict: Severity
) -> None:
    lane = Settings(reader=ReaderSettings(engine=before))
    settings, check = calibrate_run.with_engine(lane, None, lambda: EngineChoice(chosen, "of the self-test"))
    assert (settings.reader.engine, check.verdict) == (after, verdict)
    assert check.found.startswith(f"{after}: ")


def calibrated(clip: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `greenlane calibrate` prints when a technician types it with nothing but the clip in the camera's place."""
    config = folder / "lane.toml"
    config.touch()
    words = ["--clip", str(clip), "--config", str(config), "--picture", str(folder / "seen.jpg"), "--no-lamp"]
    status = main(["calibrate", *words])
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    region = settings_file.load(config).camera.area
    sides = f"[{region.left}, {region.top}, {region.right}, {region.bottom}]"
    assert f"settings: region = {sides} written to {config}" in printed.out
    assert f"\nregion = {sides}\n" in config.read_text(encoding="utf-8")
    assert region != Region()
    assert (region.right - region.left) * (region.bottom - region.top) < 0.9
    return printed.out


@pytest.mark.slow
def test_the_proposed_region_is_written_as_a_technician_types_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = calibrated(bundled().clip, tmp_path, capsys)
    found = re.search(r"(\d+) reads in 226 frames: 沪A8K526 (\d+) times", out)
    assert found is not None
    assert int(found[2]) > 100
    assert int(found[2]) >= 0.98 * int(found[1])


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("name", ["day", "angled_far", "night", "trucks"])
def test_the_proposed_region_is_written_for_real_vehicles(
    name: str, real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = real_data / "clips" / f"{name}.mp4"
    if not clip.exists():
        pytest.skip(f"no clip {clip}")
    out = calibrated(clip, tmp_path, capsys)
    truth = json.loads(clip.with_suffix(".json").read_text(encoding="utf-8"))
    assert any(f"{visit['plate']} " in out for visit in truth)


def test_a_file_of_the_lane_units_user_stays_readable_for_it(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root changes the owner of a file")
    config = tmp_path / "lane.toml"
    config.write_text("", encoding="utf-8")
    config.chmod(0o640)
    os.chown(config, 0, 4711)
    calibrated(picture, tmp_path, capsys)
    found = config.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 4711, 0o640)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--clip", "absent.mp4"], "absent.mp4: no such file"),
        (["--config", "device.toml"], "/dev/video99: the device does not open"),
        (["--clip", "CLIP", "--picture", "CLIP/0.png"], "0.png: this is what it reads"),
        (["--clip", "CLIP", "--picture", "seen.txt"], "end its name in .jpg or .png"),
        (["--clip", "CLIP", "--picture", "absent/seen.jpg"], "absent/seen.jpg: cannot be written"),
        (["--clip", "CLIP", "--picture", "letter.jpg"], "letter.jpg: holds something else"),
        (["--clip", "CLIP", "--config", "device.toml/lane.toml"], "cannot be read (Not a directory)"),
        (["--clip", "CLIP", "--config", "lane.tml"], "lane.tml: cannot be read (No such file or directory)"),
        (["--config", "lane.tml"], "lane.tml: cannot be read (No such file or directory)"),
    ],
)
def test_what_cannot_work_is_told_in_one_line_before_the_work(
    words: list[str],
    expected: str,
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "device.toml").write_text('[camera]\nsource = "/dev/video99"\n', encoding="utf-8")
    (tmp_path / "letter.jpg").write_text("mine", encoding="utf-8")
    (tmp_path / "lane.toml").touch()
    before = (picture / "0.png").read_bytes()
    monkeypatch.setattr("hardware.cameras.CAMERA_WAIT_S", 0.1)
    monkeypatch.setattr(calibrate_run, "CAMERA_WAIT_S", 0.1)
    typed = [word.replace("CLIP", str(picture)) for word in words]
    assert main(["calibrate", *(typed if "--config" in typed else ["--config", "lane.toml", *typed]), "--no-lamp"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert expected in printed.err
    assert (tmp_path / "lane.toml").read_text(encoding="utf-8") == ""
    assert not (tmp_path / "lane.tml").exists(), "nobody would read it"
    assert (picture / "0.png").read_bytes() == before


def test_a_recording_that_is_not_whole_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "clip"
    clip.mkdir()
    cv2.imwrite(str(clip / "a.png"), scene(170)[0])
    (clip / "b.png").symlink_to("moved.png")
    (tmp_path / "lane.toml").touch()
    words = ["calibrate", "--clip", str(clip), "--config", str(tmp_path / "lane.toml"), "--no-lamp", "--dry-run"]
    assert main([*words, "--picture", str(tmp_path / "seen.jpg"), "--json"]) == 1
    found = {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert found["clip"]["verdict"] == "FAIL"
    assert found["clip"]["found"] == f"{clip}/b.png: cannot be opened: No such file or directory"


def test_an_empty_lane_writes_nothing_and_fails(tmp_path: Path) -> None:
    frame = np.full((360, 640, 3), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "empty.png"), frame)
    config = tmp_path / "lane.toml"
    config.touch()
    words = ["--clip", str(tmp_path / "empty.png"), "--config", str(config), "--picture", str(tmp_path / "p.jpg")]
    assert main(["calibrate", *words, "--no-lamp"]) == 1
    assert config.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    ("answer", "verdict"), [("y", Severity.OK), ("是", Severity.OK), ("n", Severity.FAIL), ("", Severity.FAIL)]
)
def test_the_lamp_test_wants_to_be_seen(answer: str, verdict: Severity) -> None:
    made = settings_file.parse('[lamp]\npins = "mock"\n')
    assert calibrate_run.show_lamp(made, ask=True, answer=lambda _: answer, show_s=0.01).verdict is verdict


def test_a_lamp_that_cannot_be_driven_fails() -> None:
    made = settings_file.parse('[lamp]\npins = "rpigpio"\n')
    assert calibrate_run.show_lamp(made, ask=False, show_s=0.01).verdict is Severity.FAIL


@pytest.mark.parametrize("words", [["--region", "1,2"], ["--region", "0.9,0,0.1,1"], ["--seconds", "0"]])
def test_wrong_words_are_wrong_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", *words])
    assert ended.value.code == 2


def test_a_whole_frame_region_is_the_default() -> None:
    assert Region() == settings_file.parse("").camera.area
