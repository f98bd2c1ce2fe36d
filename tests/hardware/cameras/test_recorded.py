"""Recorded video: its own times, pacing by the clock, and files that are damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.clock import ManualClock
from controller.errors import EndOfVideo, HardwareError, SettingsError, VideoDamaged
from controller.ports import Camera
from controller.records import Frame
from hardware.cameras import CAMERAS, CameraWishes, open_camera, probe
from hardware.cameras.recorded import PicturesCamera, VideoCamera, check_clip

FPS, FRAMES = 15, 30


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "lane.avi"
    random = np.random.default_rng(1)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (160, 120))
    for _ in range(FRAMES):
        writer.write(random.integers(0, 255, (120, 160, 3), dtype=np.uint8))
    writer.release()
    return path


def play(camera: Camera) -> tuple[list[Frame], EndOfVideo]:
    frames = []
    while True:
        try:
            frames.append(camera.read())
        except EndOfVideo as end:
            camera.close()
            return frames, end


def consume(camera: Camera) -> None:
    while True:
        camera.read()


def test_frames_have_the_times_of_the_video(video: Path) -> None:
    clock = ManualClock(monotonic_s=1000.0)
    camera = VideoCamera(video, clock)
    frames, end = play(camera)
    assert (camera.frames_promised, camera.fps, camera.base_s) == (FRAMES, FPS, 1000.0)
    assert [f.captured_s - 1000.0 for f in frames] == pytest.approx([n / FPS for n in range(FRAMES)])
    assert not isinstance(end, VideoDamaged)
    assert "30 frames" in str(end)


def test_pacing_moves_a_manual_clock_and_nothing_else_does(video: Path) -> None:
    paced, unpaced = ManualClock(), ManualClock()
    play(open_camera("file", str(video), paced))
    frames, _ = play(open_camera("file", str(video), unpaced, CameraWishes(paced=False)))
    assert paced.monotonic_s() == pytest.approx((FRAMES - 1) / FPS)
    assert unpaced.monotonic_s() == 0.0
    assert frames[-1].captured_s == pytest.approx((FRAMES - 1) / FPS)


def test_pictures_follow_a_wall_clock_that_is_set(video: Path) -> None:
    """Or that went on while the machine slept: the questions about them were stale for ever."""
    clock = ManualClock(datetime(2026, 5, 4, 11, 30, tzinfo=UTC))
    with closing(VideoCamera(video, clock)) as camera:
        assert camera.read().captured_at == clock.now()
        clock.set_wall(datetime(2026, 5, 4, 8, 30, tzinfo=UTC))
        frame = camera.read()
        assert abs(clock.now() - frame.captured_at) < timedelta(milliseconds=1)
        assert frame.captured_s == pytest.approx(1 / FPS)


def test_a_clip_that_is_cut_off_gives_what_there_is_and_says_so(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.avi"
    whole = video.read_bytes()
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    frames, end = play(open_camera("file", str(cut), ManualClock()))
    assert FRAMES * 4 // 10 < len(frames) < FRAMES * 7 // 10
    assert isinstance(end, VideoDamaged)
    assert f"{len(frames)} of {FRAMES} frames" in str(end)


def test_after_the_error_it_is_simply_over(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.avi"
    cut.write_bytes(video.read_bytes()[:60_000])
    camera = open_camera("file", str(cut), ManualClock())
    with pytest.raises(VideoDamaged):
        consume(camera)
    with pytest.raises(EndOfVideo) as over:
        camera.read()
    assert not isinstance(over.value, VideoDamaged)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("missing.mp4", None, "no such file"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"this is not a video\n" * 100, "not a video"),
        ("headless.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 500, "cut off"),
        ("missing.jpg", None, "no picture"),
        ("empty.jpg", b"", "no picture"),
        ("text.jpg", b"this is not a picture\n", "no picture"),
    ],
)
def test_unusable_files_are_named_with_the_reason(name: str, content: bytes | None, word: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    camera = open_camera("file", str(tmp_path / name), ManualClock())
    with pytest.raises(VideoDamaged, match=word) as damaged:
        camera.read()
    assert name in str(damaged.value)
    camera.close()


def test_the_error_says_it_all(tmp_path: Path) -> None:
    """OpenCV and FFmpeg would write lines of their own, at each attempt; FFmpeg asks the environment only once."""
    (tmp_path / "text.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 500)
    program = (
        "from controller.clock import SystemClock\n"
        "from controller.errors import HardwareError\n"
        "from hardware.cameras import open_camera\n"
        f"sources = {{'file': '{tmp_path}/text.mp4', 'rtsp': 'rtsp://127.0.0.1:1/a', 'v4l2': '/dev/absent'}}\n"
        "for kind, source in sources.items():\n"
        "    try: open_camera(kind, source, SystemClock()).read()\n"
        "    except HardwareError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 3
    assert done.stderr == ""


def test_a_folder_is_shown_by_name_and_what_is_no_picture_is_told_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, shade in enumerate((10, 20, 30)):
        cv2.imwrite(str(tmp_path / f"{9 - number}.png"), np.full((20, 30, 3), shade, np.uint8))
    (tmp_path / "8x.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    (tmp_path / "5.png").symlink_to(tmp_path / "nothing.png")
    os.mkfifo(tmp_path / "6.png")
    (tmp_path / "notes.txt").write_text("no picture")
    frames, end = play(PicturesCamera(tmp_path, ManualClock(), fps=2.0))
    assert [int(f.image[0, 0, 0]) for f in frames] == [30, 20, 10]
    assert [f.captured_s for f in frames] == [0.0, 0.5, 1.0]
    assert isinstance(end, VideoDamaged)
    assert str(end).splitlines() == [
        f"{tmp_path}/5.png: cannot be opened: No such file or directory",
        f"{tmp_path}/6.png: cannot be opened: not a regular file",
        f"{tmp_path}/8x.jpg: the JPEG is cut off: its end marker is missing",
    ]
    assert caplog.text.count("8x.jpg") == 1


def test_what_is_hidden_in_a_folder_is_not_played(tmp_path: Path) -> None:
    (tmp_path / "._a.png").write_bytes(b"what a Mac leaves beside each picture")
    with pytest.raises(HardwareError, match="it holds no pictures"):
        check_clip(tmp_path)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 30, 3), np.uint8))
    frames, end = play(PicturesCamera(tmp_path, ManualClock()))
    assert (len(frames), isinstance(end, VideoDamaged)) == (1, False)


def test_a_folder_in_a_loop_goes_on_without_what_is_no_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 30, 3), np.uint8))
    (tmp_path / "b.png").touch()
    with closing(open_camera("file", str(tmp_path), ManualClock(), CameraWishes(loop=True))) as camera:
        assert [camera.read().number for _ in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".ppm"])
def test_a_picture_is_no_clip_whatever_its_name(kind: str, tmp_path: Path) -> None:
    cv2.imencode(kind, np.full((120, 160, 3), 90, np.uint8))[1].tofile(tmp_path / "lane.mp4")
    for plays in (True, False):
        with pytest.raises(HardwareError, match="one picture is not a visit"):
            check_clip(tmp_path / "lane.mp4", plays)


@pytest.mark.parametrize(("name", "content"), [("lane.mp4", b"\xff\xd8\xff"), ("a.txt", b"words\n" * 99)])
def test_what_gives_no_picture_is_no_clip(name: str, content: bytes, tmp_path: Path) -> None:
    """The second would be played as a text that scrolls over a screen."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VideoDamaged, match="is not a video"):
        check_clip(tmp_path / name)
    with pytest.raises(VideoDamaged, match="is not a video"):
        open_camera("file", str(tmp_path / name), ManualClock()).read()


def test_a_recording_is_a_clip(video: Path) -> None:
    check_clip(video)


def test_probe_of_one_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((20, 30, 3), np.uint8))
    facts = probe(open_camera("file", str(tmp_path / "one.png"), ManualClock()), ManualClock())
    assert (facts.width_px, facts.height_px, facts.fps) == (30, 20, 0.0)


def test_a_wrong_kind_lists_the_choices() -> None:
    with pytest.raises(SettingsError) as refused:
        open_camera("webcam", "", ManualClock())
    assert all(kind in str(refused.value) for kind in CAMERAS)


@pytest.mark.slow
@pytest.mark.realdata
def test_the_real_clips_play_to_their_end(real_data: Path) -> None:
    clips = sorted((real_data / "clips").glob("*.mp4"))
    assert clips
    for clip in clips:
        clock = ManualClock()
        camera = VideoCamera(clip, clock)
        with pytest.raises(EndOfVideo, match=f"over after {camera.frames_promised} frames"):
            consume(camera)
        assert clock.monotonic_s() == pytest.approx((camera.frames_promised - 1) / camera.fps, abs=0.05)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("container", ["mp4 index first", "mp4 index last", "mkv", "ts", "mp4 fragments"])
def test_cut_real_clips_are_noticed_in_every_container(container: str, real_data: Path, tmp_path: Path) -> None:
    suffix, *flags = {
        "mp4 index first": ["mp4", "-movflags", "+faststart"],
        "mp4 index last": ["mp4"],
        "mkv": ["mkv"],
        "ts": ["ts"],
        "mp4 fragments": ["mp4", "-movflags", "frag_keyframe+empty_moov"],
    }[container]
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    source = ["-i", str(real_data / "clips" / "day.mp4"), "-t", "6", "-c", "copy"]
    try:
        subprocess.run(["ffmpeg", "-v", "error", *source, *flags, str(whole)], check=True)
    except FileNotFoundError:
        pytest.skip("no ffmpeg to make clips with")
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    _, end = play(open_camera("file", str(whole), ManualClock()))
    assert not isinstance(end, VideoDamaged)
    _, end = play(open_camera("file", str(cut), ManualClock()))
    assert isinstance(end, VideoDamaged) or container == "ts"
