"""Judges a lane's picture for reading plates: how large, sharp, straight and well lit they are, and what to turn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.checks import Check, Severity
from controller.records import Colour, PlateRead, Region

Image = NDArray[np.uint8]

CHARACTER_HEIGHT_PX = 15.0
STROKE_PX = 2.0
TILT_DEG = 20.0
"""The least character height and stroke and the largest angle for full accuracy (AxxonSoft's camera guide)."""
WIDTH_PX = 73.0
COMFORT_WIDTH_PX = 130.0
"""Width of a 440 mm plate at which its characters are just 15 px high, and with something to spare."""
SIDE_WARN_DEG, SIDE_FAIL_DEG = TILT_DEG + 5, TILT_DEG + 15
"""The angle told from a plate's proportions is rough: corners 3 % off already look like 14 degrees."""
EDGE_STROKES, BLURRED_STROKES = 1.3, 1.7
"""Nine of ten sharp photos of plates have edges of at most 1.3 strokes; blurred by a stroke most pass 1.7."""
CONTRAST = 0.15
"""Plates of a recording at night, all of which are read, have 0.19 of full range in the middle."""
CLIPPED_SHARE = 0.12
DARK_LEVEL, BRIGHT_LEVEL = 45, 215
ENOUGH_READS = 5
PLATES_SHOWN = 5

_ONE_ROW_MM = (440, 140, 90)
_TWO_ROW_MM = (440, 220, 60)
_GREEN_MM = (480, 140, 90)
"""GA 36: width and height of the plate and height of its (upper row's) characters; the stroke is 10 mm."""
_STROKE_MM = 10


@dataclass(frozen=True, slots=True)
class PlateMeasures:
    """One plate in one frame.

    width_px, character_height_px, stroke_px: sizes in the frame. roll_deg: the plate's slope, positive falls
    to the right.
    off_axis_deg: how far the camera looks from the side or from above, judged by the plate's proportions.
    edge_px: how many pixels a sharp edge takes. contrast: dark to bright, 0 to 1. brightness: mean grey, 0 to 255.
    clipped: share of pixels that are white throughout.
    """

    width_px: float
    character_height_px: float
    stroke_px: float
    roll_deg: float
    off_axis_deg: float
    edge_px: float
    contrast: float
    brightness: float
    clipped: float


def measure(image: Image, plate: PlateRead) -> PlateMeasures:
    """Measures of one plate read in a BGR uint8 image (height, width, 3)."""
    width_mm, height_mm, character_mm = size_mm(plate)
    width, height = _sides(plate)
    flat = _flattened(image, plate, width, height)
    grey = cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY).astype(np.float32)
    low, high = np.percentile(grey, [5, 95])
    tilt = _off_axis(width / max(height, 1e-6), width_mm / height_mm)
    return PlateMeasures(
        width_px=width,
        character_height_px=height * character_mm / height_mm,
        stroke_px=width * _STROKE_MM / width_mm,
        roll_deg=_roll(plate),
        off_axis_deg=tilt,
        edge_px=_edge_px(grey, float(high - low)),
        contrast=float(high - low) / 255,
        brightness=float(grey.mean()),
        clipped=float((flat.min(axis=2) >= 250).mean()),
    )


def size_mm(plate: PlateRead) -> tuple[int, int, int]:
    """Width and height of the plate and height of its characters, as far as rows, colour and length tell."""
    if plate.rows == 2:
        return _TWO_ROW_MM
    return _GREEN_MM if plate.colour == Colour.GREEN and len(plate.characters) == 8 else _ONE_ROW_MM


def _sides(plate: PlateRead) -> tuple[float, float]:
    top_left, top_right, bottom_right, bottom_left = plate.corners
    return plate.width_px, (math.dist(top_left, bottom_left) + math.dist(top_right, bottom_right)) / 2


def _roll(plate: PlateRead) -> float:
    top_left, top_right, bottom_right, bottom_left = plate.corners
    run = top_right[0] - top_left[0] + bottom_right[0] - bottom_left[0]
    fall = top_right[1] - top_left[1] + bottom_right[1] - bottom_left[1]
    return math.degrees(math.atan2(fall, run))


def _off_axis(ratio: float, true_ratio: float) -> float:
    """Degrees from the plate's axis that would squeeze the true proportions into the seen ones."""
    squeeze = min(ratio / true_ratio, true_ratio / max(ratio, 1e-6))
    return math.degrees(math.acos(min(max(squeeze, 0.0), 1.0)))


def _flattened(image: Image, plate: PlateRead, width: float, height: float) -> Image:
    size = (max(round(width), 8), max(round(height), 4))
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(plate.corners, np.float32), target)
    return np.asarray(cv2.warpPerspective(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _edge_px(grey: NDArray[np.float32], span: float) -> float:
    """Pixels from dark to bright at the plate's sharpest edges, across."""
    if grey.shape[1] < 3 or span < 1:
        return math.inf
    slope = np.abs(grey[:, 2:] - grey[:, :-2]) / 2
    steepest = float(np.percentile(slope, 97))
    return span / max(steepest, 1e-3)


def _few(count: int, texts: Sequence[str]) -> str:
    if count == 1:
        return f"only 1 read{_which(texts)}"
    return f"only {count} reads{_which(texts)}" if count else "no plate was read"


def summarise(found: Sequence[PlateMeasures]) -> PlateMeasures:
    """The median of each measure; found must not be empty."""
    return PlateMeasures(
        **{name: median(getattr(m, name) for m in found) for name in PlateMeasures.__dataclass_fields__}
    )


def judge(found: Sequence[PlateMeasures], frames: int, texts: Sequence[str] = ()) -> tuple[Check, ...]:
    """What is well and what to turn, from the reads of one calibration run; texts are the plates that were read."""
    if len(found) < ENOUGH_READS:
        advice = "let a vehicle with a clean plate stand where drivers stop, and check that its plate is in the picture"
        return (Check("plates", Severity.FAIL, f"{_few(len(found), texts)} in {frames} frames", advice),)
    middle = summarise(found)
    return (
        Check("plates", Severity.OK, f"{len(found)} reads in {frames} frames{_which(texts)}"),
        _width(middle.width_px),
        _at_least(
            "character height",
            middle.character_height_px,
            CHARACTER_HEIGHT_PX,
            "px high",
            "move the camera closer or zoom in",
        ),
        _at_least("stroke", middle.stroke_px, STROKE_PX, "px wide", "move the camera closer or zoom in"),
        _angle("slope", middle.roll_deg, "turn the camera about its lens axis until plates are level"),
        _side(middle.off_axis_deg),
        _sharpness(middle),
        _at_least(
            "contrast",
            middle.contrast,
            CONTRAST,
            "of full range",
            "clean the lens; keep lights and sun out of its view",
        ),
        _exposure(middle),
    )


def _which(texts: Sequence[str]) -> str:
    """The plates that were read most often, so that a technician sees whether it was the one before the camera."""
    common = Counter(texts).most_common()
    shown = ", ".join(f"{text} {count} times" for text, count in common[:PLATES_SHOWN])
    rest = f" and {len(common) - PLATES_SHOWN} others" if len(common) > PLATES_SHOWN else ""
    return f": {shown}{rest}" if shown else ""


def _width(width_px: float) -> Check:
    found = f"{width_px:.0f} px"
    if width_px < WIDTH_PX:
        advice = f"move the camera closer or zoom in: plates {width_px:.0f} px wide, {WIDTH_PX:.0f} needed"
        return Check("plate width", Severity.FAIL, found, advice)
    if width_px < COMFORT_WIDTH_PX:
        return Check("plate width", Severity.WARN, found, f"{COMFORT_WIDTH_PX:.0f} px read better in rain and at night")
    return Check("plate width", Severity.OK, found)


def _at_least(name: str, value: float, needed: float, unit: str, remedy: str) -> Check:
    digits = 0 if needed >= 10 else 1 if needed >= 1 else 2
    found = f"{value:.{digits}f} {unit}"
    if value >= needed:
        return Check(name, Severity.OK, found)
    return Check(name, Severity.FAIL, found, f"{remedy}: {found}, {needed:g} needed")


def _degrees(angle: float) -> str:
    return "1 degree" if f"{angle:.0f}" == "1" else f"{angle:.0f} degrees"


def _angle(name: str, degrees: float, remedy: str) -> Check:
    found = _degrees(abs(degrees))
    if abs(degrees) <= TILT_DEG:
        return Check(name, Severity.OK, found)
    return Check(name, Severity.FAIL, found, f"{remedy}: {found}, at most {TILT_DEG:.0f}")


def _side(degrees: float) -> Check:
    found = f"about {_degrees(degrees)}"
    if degrees <= SIDE_WARN_DEG:
        return Check("view from the side", Severity.OK, found)
    verdict = Severity.WARN if degrees <= SIDE_FAIL_DEG else Severity.FAIL
    advice = f"move the camera towards the lane's axis, or farther off and zoom in: {found}, {TILT_DEG:.0f} is best"
    return Check("view from the side", verdict, found, advice)


def _sharpness(middle: PlateMeasures) -> Check:
    stroke_px = max(middle.stroke_px, STROKE_PX)
    allowed_px = EDGE_STROKES * stroke_px
    found = f"edges {middle.edge_px:.1f} px soft"
    if middle.edge_px <= allowed_px:
        return Check("sharpness", Severity.OK, found)
    verdict = Severity.WARN if middle.edge_px <= BLURRED_STROKES * stroke_px else Severity.FAIL
    advice = f"focus the lens on a standing plate, or set a shorter shutter: {found}, at most {allowed_px:.1f}"
    return Check("sharpness", verdict, found, advice)


def _exposure(middle: PlateMeasures) -> Check:
    found = f"mean grey {middle.brightness:.0f}, {middle.clipped:.0%} burnt out"
    if middle.clipped > CLIPPED_SHARE or middle.brightness > BRIGHT_LEVEL:
        return Check(
            "exposure", Severity.FAIL, found, "shorten the shutter or close the iris: the plate is overexposed"
        )
    if middle.brightness < DARK_LEVEL:
        return Check(
            "exposure", Severity.FAIL, found, "add light or lengthen the shutter (1/200 s is enough up to 18 km/h)"
        )
    return Check("exposure", Severity.OK, found)


def propose_region(plates: Sequence[PlateRead], width: int, height: int) -> Region:
    """The part of the picture where this lane's plates stand, with room around them; plates must not be empty.

    Outliers are left out: the region spans the middle 90 % of the plates and one plate width to each side.
    """
    centres = np.array([np.mean(p.corners, axis=0) for p in plates])
    left, top = np.percentile(centres, 5, axis=0)
    right, bottom = np.percentile(centres, 95, axis=0)
    room = 1.6 * float(np.median([p.width_px for p in plates]))
    return Region(
        _share(left - room, width),
        _share(top - room, height),
        _share(right + room, width),
        _share(bottom + room, height),
    )


def _share(position: float, size: int) -> float:
    """A position as a share of the picture, in Python's own float: what is written to a file has no other type."""
    return round(min(max(float(position) / size, 0.0), 1.0), 3)


def annotate(image: Image, plates: Sequence[PlateRead], region: Region, checks: Sequence[Check]) -> Image:
    """A copy of the BGR frame with region, plates and the judgement drawn on it."""
    drawn = image.copy()
    height, width = drawn.shape[:2]
    scale = max(width / 1280, 0.4)
    box = (
        (round(region.left * width), round(region.top * height)),
        (round(region.right * width), round(region.bottom * height)),
    )
    cv2.rectangle(drawn, box[0], box[1], (255, 170, 40), max(2, round(2 * scale)))
    for plate in plates:
        cv2.polylines(drawn, [np.array(plate.corners, np.int32)], True, (60, 230, 255), max(2, round(2 * scale)))
    row = round(26 * scale)
    panel = drawn[: row * (len(checks) + 1), : round(560 * scale)]
    panel[:] = (panel * 0.3).astype(np.uint8)
    inks = {Severity.OK: (120, 230, 130), Severity.WARN: (60, 200, 255), Severity.FAIL: (90, 90, 255)}
    for number, check in enumerate(checks, start=1):
        text = f"{check.verdict:4} {check.name}: {check.found}"
        at = (round(12 * scale), row * number)
        cv2.putText(
            drawn,
            text,
            at,
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6 * scale,
            inks[check.verdict],
            max(1, round(1.4 * scale)),
            cv2.LINE_AA,
        )
    return np.asarray(drawn, np.uint8)
