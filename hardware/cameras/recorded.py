"""Recorded video and still pictures as a camera."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from controller.errors import CameraLost, EndOfVideo, HardwareError, VideoDamaged
from controller.ports import Clock
from controller.records import Frame
from hardware.pictures import BadPicture, is_named_picture, open_picture, pictures_among
from hardware.quiet import silence_decoders
from hardware.resource import Resource

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".ts", ".m4v", ".webm", ".mpg", ".mpeg", ".h264", ".h265"})
CUT_FRAMES = 5
CUT_SHARE = 0.02
"""Containers without an exact frame count promise up to 3 frames more than they hold (MKV, TS, AVI, measured)."""

NO_VIDEO = "is not a video, or its index was cut off"
TEXT_CODEC = b"ansi"
"""Of FFmpeg, which plays a text by the end of its name as if it scrolled over a screen."""

LEAST_BREAK_S = 0.01
"""Between the last picture of a loop and the first of the next, where a file tells nothing of its pace."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timed:
    """A picture and its second of the video."""

    image: Any
    at_s: float


class RecordedCamera(Resource):
    """Plays pictures at their own times: captured_s is their second of the video + base_s.

    base_s: the clock's monotonic seconds when the camera was made; video second 0. Wall times are those of the wall
    clock as it goes at each picture, so that one that is set (or a machine that slept) does not leave them behind.
    paced: read() sleeps by the clock until the picture's time has come: a system clock plays in real time, a manual
    clock is moved along. Without it pictures come as fast as they are read, their times the same.
    """

    def __init__(
        self, name: str, pictures: Callable[[], Iterator[Timed]], clock: Clock, paced: bool, loop: bool = False
    ) -> None:
        """pictures: plays all from the first; with loop it is called again at each end."""
        self.name = name
        self.base_s = clock.monotonic_s()
        self._pictures = _for_ever(pictures) if loop else pictures()
        self._clock = clock
        self._paced = paced
        self._number = 0
        self._reading = threading.Lock()
        self._closed = False

    def read(self) -> Frame:
        """The next frame. Raises EndOfVideo at the end; its kind VideoDamaged where the file ends too early."""
        with self._reading:
            if self._closed:
                raise CameraLost(f"{self.name} is closed")
            picture = next(self._pictures, None)
        if picture is None:
            raise EndOfVideo(f"{self.name} is over after {self._number} frames")
        if self._paced:
            self._clock.sleep(max(0.0, self.base_s + picture.at_s - self._clock.monotonic_s()))
        number, self._number = self._number, self._number + 1
        captured_s = self.base_s + picture.at_s
        captured_at = self._clock.now() + timedelta(seconds=captured_s - self._clock.monotonic_s())
        return Frame(number, picture.image, captured_s, captured_at)

    def close(self) -> None:
        self._closed = True
        with self._reading:
            self._pictures = iter(())


def _for_ever(pictures: Callable[[], Iterator[Timed]]) -> Iterator[Timed]:
    """All pictures again and again, their times going on."""
    begins_s = 0.0
    while True:
        last_s = before_s = 0.0
        for picture in pictures():
            before_s, last_s = last_s, picture.at_s
            yield Timed(picture.image, begins_s + picture.at_s)
        begins_s += last_s + max(last_s - before_s, LEAST_BREAK_S)


class VideoCamera(RecordedCamera):
    """A video file. frames_promised and fps are what its container says, 0 where it says nothing or is unusable."""

    def __init__(self, path: Path, clock: Clock, paced: bool = True, loop: bool = False) -> None:
        self._video = _Video(path)
        self.frames_promised = self._video.frames_promised
        self.fps = self._video.fps
        super().__init__(path.name, self._video.pictures, clock, paced, loop)

    def close(self) -> None:
        super().close()
        self._video.close()


class _Video:
    def __init__(self, path: Path) -> None:
        self._path = path
        silence_decoders()
        self._trouble = _unusable(path)
        self._capture = cv2.VideoCapture() if self._trouble else cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        opened = self._capture.isOpened()
        self._has_played = False
        if not self._trouble and not (opened and _codec(self._capture) != TEXT_CODEC):
            self._trouble = NO_VIDEO
        self.fps = _sane(self._capture.get(cv2.CAP_PROP_FPS), 240.0) if opened else 0.0
        self.frames_promised = int(_sane(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), 1e9)) if opened else 0

    def pictures(self) -> Iterator[Timed]:
        if self._trouble:
            raise VideoDamaged(f"{self._path}: {self._trouble}")
        if self._has_played:
            self._capture.open(str(self._path), cv2.CAP_FFMPEG)
        self._has_played = True
        read, at_s = 0, -1.0
        while True:
            ok, image = self._capture.read()
            if not ok:
                break
            at_s = self._time_of(read, at_s)
            read += 1
            yield Timed(image, at_s)
        missing = self.frames_promised - read
        if missing > max(CUT_FRAMES, CUT_SHARE * self.frames_promised):
            raise VideoDamaged(f"{self._path} is cut off: {read} of {self.frames_promised} frames could be read")
        if not read:
            raise VideoDamaged(f"{self._path}: {NO_VIDEO}")

    def close(self) -> None:
        self._capture.release()

    def _time_of(self, read: int, before_s: float) -> float:
        """The container's own time of the frame just read; where it does not go forward, one frame after the last."""
        stamped_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        if stamped_s > before_s:
            return stamped_s
        return before_s + 1 / (self.fps or 25.0) if read else 0.0


def _unusable(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        return "no such file" if error.errno == errno.ENOENT else f"cannot be opened: {error.strerror}"
    if not stat.S_ISREG(found.st_mode):
        return "is not a file"
    if not os.access(path, os.R_OK):
        return f"cannot be opened: {os.strerror(errno.EACCES)}"
    return "" if found.st_size else "is empty"


def _codec(capture: cv2.VideoCapture) -> bytes:
    return (int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF).to_bytes(4, "little")


def _sane(value: float, most: float) -> float:
    return float(value) if 0 < value <= most else 0.0


class PicturesCamera(RecordedCamera):
    """Still pictures, one file or a folder by name, one every 1/fps seconds. A damaged one is logged and left out; at
    the end all of these are an error, a line each, but not in a loop."""

    def __init__(self, path: Path, clock: Clock, fps: float = 1.0, paced: bool = True, loop: bool = False) -> None:
        files = [path / name for name in pictures_among(_names(path))] if os.path.isdir(path) else [path]
        self.frames_promised = len(files)
        self.fps = fps
        super().__init__(path.name, lambda: _stills(path, files, fps, loop), clock, paced, loop)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise VideoDamaged(f"{folder}: cannot be opened: {error.strerror}") from error


def _stills(path: Path, files: list[Path], fps: float, loop: bool) -> Iterator[Timed]:
    shown, bad = 0, []
    for file in files:
        try:
            image = open_picture(file)
        except BadPicture as error:
            log.warning("picture %s is left out: %s", file, error)
            bad.append(f"{file}: {error}")
            continue
        yield Timed(image, shown / fps)
        shown += 1
    if not shown:
        raise VideoDamaged(f"{path}: no picture that can be decoded")
    if bad and not loop:
        raise VideoDamaged("\n".join(bad))


def check_clip(path: Path, plays: bool = True) -> None:
    """Whether this can be a clip of a lane at all: a recording, or a folder of pictures. Raises HardwareError.

    plays: whether a recording without a picture is refused too; else its camera says so in its turn.
    """
    if os.path.isdir(path):
        names = _names(path)
        if not pictures_among(names):
            clips = next((n for n in names if Path(n).suffix.lower() in VIDEO_SUFFIXES), None)
            does = f"it holds clips: name them one by one, such as {path / clips}" if clips else "it holds no pictures"
            raise HardwareError(f"{path}: a folder is played as pictures of one lane; {does}")
        return
    if trouble := _unusable(path):
        raise VideoDamaged(f"{path}: {trouble}")
    if is_named_picture(path.name) or _beginning(path, plays) == 1:
        raise HardwareError(f"{path}: one picture is not a visit: read it with `greenlane read`")


def _beginning(path: Path, plays: bool) -> int:
    """How many of a recording's first two pictures there are. plays: raises VideoDamaged where there is none."""
    video = _Video(path)
    try:
        return sum(1 for _ in islice(video.pictures(), 2))
    except VideoDamaged:
        if plays:
            raise
        return 0
    finally:
        video.close()


def recorded_camera(path: Path, clock: Clock, paced: bool, loop: bool = False) -> RecordedCamera:
    """A video, a picture or a folder of pictures, told apart by the path."""
    if os.path.isdir(path) or is_named_picture(path.name):
        return PicturesCamera(path, clock, paced=paced, loop=loop)
    return VideoCamera(path, clock, paced, loop)
