"""Recorded video and still pictures as a camera."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from controller.errors import CameraLost, EndOfVideo, HardwareError, VideoDamaged
from controller.ports import Clock
from controller.records import Frame
from hardware.cameras.quiet import silence_decoders
from hardware.resource import Resource
from wire.files import read_regular

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".ts", ".m4v", ".webm", ".mpg", ".mpeg", ".h264", ".h265"})
LARGEST_BYTES = 1 << 28
"""Of one picture."""
CUT_FRAMES = 5
CUT_SHARE = 0.02
"""Containers without an exact frame count promise up to 3 frames more than they hold (MKV, TS, AVI, measured)."""

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

    base_s: the clock's monotonic seconds when the camera was made; video second 0.
    paced: read() sleeps by the clock until the picture's time has come: a system clock plays in real time, a manual
    clock is moved along. Without it pictures come as fast as they are read, their times the same.
    """

    def __init__(
        self, name: str, pictures: Callable[[], Iterator[Timed]], clock: Clock, paced: bool, loop: bool = False
    ) -> None:
        """pictures: plays all from the first; with loop it is called again at each end."""
        self.name = name
        self.base_s = clock.monotonic_s()
        self._base_at = clock.now()
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
        return Frame(number, picture.image, self.base_s + picture.at_s, self._base_at + timedelta(seconds=picture.at_s))

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
        if not self._trouble and not opened:
            self._trouble = "is not a video, or its index was cut off"
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

    def close(self) -> None:
        self._capture.release()

    def _time_of(self, read: int, before_s: float) -> float:
        """The container's own time of the frame just read; where it does not go forward, one frame after the last."""
        stamped_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        if stamped_s > before_s:
            return stamped_s
        return before_s + 1 / (self.fps or 25.0) if read else 0.0


def _unusable(path: Path) -> str:
    if not path.exists():
        return "no such file"
    if not path.is_file():
        return "is not a file"
    return "" if path.stat().st_size else "is empty"


def _sane(value: float, most: float) -> float:
    return float(value) if 0 < value <= most else 0.0


class PicturesCamera(RecordedCamera):
    """Still pictures, one file or a folder by name, one every 1/fps seconds. A damaged one is logged and left out."""

    def __init__(self, path: Path, clock: Clock, fps: float = 1.0, paced: bool = True, loop: bool = False) -> None:
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES) if path.is_dir() else [path]
        self.frames_promised = len(files)
        self.fps = fps
        super().__init__(path.name, lambda: _stills(path, files, fps), clock, paced, loop)


def _stills(path: Path, files: list[Path], fps: float) -> Iterator[Timed]:
    shown = 0
    for file in files:
        image = read_picture(file)
        if image is None:
            log.warning("picture %s cannot be decoded and is left out", file)
            continue
        yield Timed(image, shown / fps)
        shown += 1
    if not shown:
        raise VideoDamaged(f"{path}: no picture that can be decoded")


def read_picture(path: Path) -> Any | None:
    """A BGR uint8 array (height, width, 3), or None for a file that is missing, empty or not a picture."""
    try:
        data = read_regular(path, LARGEST_BYTES)
    except OSError:
        return None
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None


def check_clip(path: Path) -> None:
    """Whether this can be a clip of a lane at all, told by its place and name alone. Raises HardwareError."""
    if path.is_dir():
        names = sorted(p.name for p in path.iterdir())
        if not any(Path(name).suffix.lower() in PICTURE_SUFFIXES for name in names):
            clips = next((n for n in names if Path(n).suffix.lower() in VIDEO_SUFFIXES), None)
            does = f"it holds clips: name them one by one, such as {path / clips}" if clips else "it holds no pictures"
            raise HardwareError(f"{path}: a folder is played as pictures of one lane; {does}")
    elif trouble := _unusable(path):
        raise VideoDamaged(f"{path}: {trouble}")
    elif path.suffix.lower() in PICTURE_SUFFIXES:
        raise HardwareError(f"{path}: one picture is not a visit: read it with `greenlane read`")


def recorded_camera(path: Path, clock: Clock, paced: bool, loop: bool = False) -> RecordedCamera:
    """A video, a picture or a folder of pictures, told apart by the path."""
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return PicturesCamera(path, clock, paced=paced, loop=loop)
    return VideoCamera(path, clock, paced, loop)
