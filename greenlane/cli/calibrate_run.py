"""The work of `greenlane calibrate`: looks through the camera, judges what it reads, and shows the lamp."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from controller import settings as settings_file
from controller.checks import Check, Severity
from controller.clock import ManualClock, SystemClock
from controller.errors import CameraLost, EndOfVideo, VideoDamaged
from controller.ports import Camera, Clock
from controller.records import Frame, LampColour, PlateRead, Region
from controller.settings_records import Settings
from controller.watching import calibration
from greenlane import wiring
from greenlane.installation.engine import DEFAULT, QUICKER, EngineChoice, choose
from greenlane.language import tr
from hardware.cameras import CAMERA_WAIT_S, first_frame
from hardware.pins import open_pin_factory
from wire.errors import GreenlaneError
from wire.files import replace_regular

SURE_ENOUGH = 0.5
"""Reads below this confidence may not be plates at all and are left out of the measures."""
SHOW_S = 2.0


class CalibrationError(GreenlaneError):
    """The picture cannot be judged or stored at all."""


@dataclass(frozen=True, slots=True)
class CameraSurvey:
    """What the camera showed: the checks, the plates, the frame with the best one, and the proposed region."""

    checks: tuple[Check, ...]
    plates: tuple[PlateRead, ...]
    best: PlateRead | None
    image: Any
    frames: int
    region: Region | None
    middle: calibration.PlateMeasures | None

    def facts(self) -> dict[str, float] | None:
        """The medians of all measures, for the JSON document."""
        if self.middle is None:
            return None
        return {name: round(value, 3) for name, value in dataclasses.asdict(self.middle).items()}


def settings_of(config: Path | None, clip: Path | None, installed: Path) -> Settings:
    """The lane's settings with the clip in place of the camera.

    config: the file that was named; one that is not there is an error. Else the installed one counts, where there is
    one. Raises SettingsError.
    """
    named = config or (installed if installed.exists() else None)
    settings = settings_file.load(named) if named else Settings()
    if clip is None:
        return settings
    return dataclasses.replace(settings, camera=dataclasses.replace(settings.camera, kind="file", source=str(clip)))


def with_engine(
    settings: Settings, wish: str | None, tested: Callable[[], EngineChoice] = choose
) -> tuple[Settings, Check]:
    """The settings with the engine that is to run the networks, and the line that says which and why.

    wish: the engine asked for. Else ONNX Runtime and OpenCV are chosen between as they are tested.
    """
    before = settings.reader.engine
    if wish is not None:
        choice = EngineChoice(wish, "as asked for")
    elif before not in (DEFAULT, QUICKER):
        choice = EngineChoice(before, "as the settings say")
    else:
        choice = tested()
    lost = wish is None and before == QUICKER and choice.engine == DEFAULT
    found = f"{choice.engine}: {choice.why}"
    advice = "reinstall ONNX Runtime, or leave it: OpenCV reads the same with more processor time" if lost else ""
    reader = dataclasses.replace(settings.reader, engine=choice.engine)
    return (
        dataclasses.replace(settings, reader=reader),
        Check("engine", Severity.WARN if lost else Severity.OK, found, advice),
    )


def look(settings: Settings, seconds: float, region: Region | None) -> CameraSurvey:
    """Read frames for so many seconds and judge them. Raises CameraLost, VideoDamaged, ReaderError."""
    clock: Clock = SystemClock() if settings.camera.live else ManualClock()
    measures: list[calibration.PlateMeasures] = []
    plates: list[PlateRead] = []
    best: tuple[float, Any, PlateRead] | None = None
    damage: list[str] = []
    image: Any = None
    frames = 0
    with closing(wiring.camera_of(settings.camera, clock, paced=settings.camera.live)) as camera:
        first = first_frame(camera, clock, CAMERA_WAIT_S)
        reader = wiring.reader_of(settings.reader)
        for frame in chain((first,), _frames(camera, clock, seconds, first, damage)):
            image, frames = frame.image, frames + 1
            for plate in reader.read(image, region).plates:
                if not plate.valid or plate.confidence < SURE_ENOUGH:
                    continue
                plates.append(plate)
                measures.append(calibration.measure(image, plate))
                score = plate.confidence * plate.width_px
                if best is None or score > best[0]:
                    best = (score, image, plate)
    shown = best[1] if best else image
    return CameraSurvey(
        checks=(
            *(Check("clip", Severity.FAIL, said, "name a recording that is whole") for said in damage),
            *calibration.judge(measures, frames, [plate.text for plate in plates]),
        ),
        plates=tuple(plates),
        best=best[2] if best else None,
        image=shown,
        frames=frames,
        region=calibration.propose_region(plates, shown.shape[1], shown.shape[0]) if plates else None,
        middle=calibration.summarise(measures) if measures else None,
    )


def _frames(camera: Camera, clock: Clock, seconds: float, first: Frame, damage: list[str]) -> Iterator[Frame]:
    """Frames after the first for so many seconds of clock or video, with a progress bar; an early end is an end.

    damage: gets a line for each part of a recording that cannot be read.
    """
    began_s = clock.monotonic_s()
    bar = tqdm(total=round(seconds, 1), unit="s", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)
    with bar:
        while True:
            try:
                frame = camera.read()
            except EndOfVideo as end:
                damage += str(end).splitlines() if isinstance(end, VideoDamaged) else []
                return
            except CameraLost:
                if clock.monotonic_s() - began_s > seconds:
                    raise
                continue
            past_s = frame.captured_s - first.captured_s
            bar.update(round(min(past_s, seconds) - bar.n, 1))
            yield frame
            if past_s >= seconds:
                return


def check_picture(path: Path) -> None:
    """Whether OpenCV writes pictures under such a name. Raises CalibrationError."""
    if not cv2.haveImageWriter(str(path)):
        raise CalibrationError(f"--picture {path}: OpenCV cannot write this kind; end its name in .jpg or .png")


def is_picture(beginning: bytes) -> bool:
    """Whether a file that begins so is JPEG, PNG, BMP, TIFF or WebP."""
    return beginning.startswith((b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF"))


def save_picture(path: Path, sighting: CameraSurvey, region: Region) -> None:
    """Write the annotated picture. Raises CalibrationError."""
    plates = [sighting.best] if sighting.best else []
    drawn = calibration.annotate(sighting.image, plates, region, sighting.checks)
    try:
        _, data = cv2.imencode(path.suffix, drawn)
        replace_regular(path, bytes(data))
    except (OSError, cv2.error) as error:
        raise CalibrationError(f"{path}: the picture cannot be written: {error}") from error


def show_lamp(
    settings: Settings, ask: bool, answer: Callable[[str], str] | None = None, show_s: float = SHOW_S
) -> Check:
    """Show red, green, red; with ask somebody has to say that it was so, at the terminal or by answer."""
    lamp_settings, clock = settings.lamp, SystemClock()
    print(tr(f"lamp test: red, green, red, {show_s:g} s each"), file=sys.stderr)
    try:
        with closing(_pins(settings)) as pins, closing(wiring.lamp_of(lamp_settings, pins, clock)) as lamp:
            for colour in (LampColour.RED, LampColour.GREEN, LampColour.RED):
                lamp.show(colour, show_s + 1 if colour is LampColour.GREEN else 0.0)
                clock.sleep(show_s)
    except GreenlaneError as error:
        return Check("lamp", Severity.FAIL, str(error), "see greenlane doctor; --no-lamp leaves the lamp out")
    if not ask:
        return Check("lamp", Severity.OK, "red, green, red were driven; nobody was asked whether they were seen")
    try:
        seen = (answer or input)(tr("Did the lamp show red, then green, then red? [y/N] ")).strip().lower()
    except EOFError:
        return Check("lamp", Severity.FAIL, "nobody answered", "run it at a terminal, or with --yes")
    if seen in ("y", "yes", "j", "ja", "是"):
        return Check("lamp", Severity.OK, "red, green, red were seen")
    return Check(
        "lamp", Severity.FAIL, "not seen", "check the wiring (docs/technician.md), red_pin, green_pin and active_high"
    )


class _NoPins:
    def close(self) -> None: ...


def _pins(settings: Settings) -> Any:
    return open_pin_factory(settings.lamp.pins) if wiring.needs_pins(settings) else _NoPins()
