"""Training pictures for the detector: real scenes warped at random, drawn things pasted, light changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import Colour
from models.closeups import quad_size
from models.training.data.scenes import Picture, Quad, Scene, ScenePlate, pyramid, pyramid_level
from models.training.detector import marks
from models.training.detector.light import add_noise, age
from models.training.drawing import lettering as scenes_lettering
from models.training.drawing.plates import draw_plate

Rng = np.random.Generator

POOL_SIZE = 256
ONE_ROW = 440 / 140
"""Width of an ordinary plate of one row for its height."""

BOARD_COLOURS = (
    (200, 60, 10),
    (20, 190, 240),
    (240, 240, 240),
    (30, 30, 200),
    (90, 170, 40),
    (30, 30, 30),
    (40, 120, 250),
)


class Pasted(Protocol):
    """What is pasted: a flat plate, BGR (height, width, 3), with its text, colour, rows, width and height."""

    @property
    def image(self) -> Picture: ...
    @property
    def text(self) -> str: ...
    @property
    def colour(self) -> Colour: ...
    @property
    def rows(self) -> int: ...
    @property
    def size_mm(self) -> tuple[int, int]: ...


@dataclass(frozen=True)
class Composed:
    """One training picture (H, W, 3), what is to be found in it, and what is not to be judged.

    plates: wholly visible ones. unjudged: corners (4, 2) of plates cut by the edge. coloured: False for a grey picture.
    boards: corners of lettering that is not a plate.
    """

    image: Picture
    plates: tuple[ScenePlate, ...]
    unjudged: tuple[Quad, ...]
    boards: tuple[Quad, ...]
    coloured: bool


class Composer:
    """Makes training pictures without end from scenes (may be empty: then on plain grounds) and drawn plates."""

    def __init__(
        self,
        scenes: Sequence[Scene],
        seed: int,
        size: tuple[int, int],
        widths_px: tuple[float, float],
        draw: Callable[[Rng], Pasted] = draw_plate,
    ) -> None:
        """size: width and height of the pictures. widths_px: range of plate widths, drawn log-uniformly."""
        self._rng = np.random.default_rng(seed)
        self._size = size
        self._widths_px = widths_px
        self._scenes = [(scene, pyramid(scene.image)) for scene in scenes]
        self._chances = _chances(scenes)
        self._draw = draw
        self._pool = [draw(self._rng) for _ in range(POOL_SIZE)]
        self._lettering = scenes_lettering.load()

    def compose(self) -> Composed:
        """The next picture."""
        rng = self._rng
        image, plates, unjudged = self._ground()
        plates = [self._replaced(image, plate) for plate in plates]
        boards: list[Quad] = []
        for _ in range(int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))):
            self._paste_board(image, plates, unjudged, boards)
        for _ in range(int(rng.choice(4, p=(0.45, 0.3, 0.15, 0.1)))):
            self._paste_plate(image, plates, unjudged, boards)
        if rng.random() < marks.SHARE:
            marks.burn(rng, image, [plate.corners for plate in plates], self._lettering)
        width, height = self._size
        whole = [plate for plate in plates if inside(plate.corners, width, height)]
        unjudged += [plate.corners for plate in plates if not inside(plate.corners, width, height)]
        image, coloured = age(rng, image)
        return Composed(image, tuple(whole), tuple(unjudged), tuple(boards), coloured)

    def _ground(self) -> tuple[Picture, list[ScenePlate], list[Quad]]:
        """What drawn things are pasted on: mostly a scene, now and then nothing much."""
        if self._scenes and self._rng.random() < 0.93:
            return self._warped_scene()
        return plain_ground(self._rng, self._size), [], []

    def _warped_scene(self) -> tuple[Picture, list[ScenePlate], list[Quad]]:
        rng = self._rng
        scene, levels = self._scenes[int(rng.choice(len(self._scenes), p=self._chances))]
        aim = scene.plates[int(rng.integers(len(scene.plates)))]
        matrix = self._view(scene, aim)
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        level, share = pyramid_level(levels, scale)
        middle = 0.5 / share - 0.5  # pixel centres of a shrunken level lie between those of the first
        from_level = matrix @ np.array([[1 / share, 0, middle], [0, 1 / share, middle], [0, 0, 1]])
        image = plain_ground(rng, self._size)
        cv2.warpPerspective(
            level, from_level, self._size, dst=image, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
        )
        turned = matrix[0, 0] < 0
        plates = [replace(plate, corners=project(matrix, plate.corners, turned)) for plate in scene.plates]
        unjudged = [project(matrix, quad, turned) for quad in scene.unjudged]
        width, height = self._size
        plates = [plate for plate in plates if touches(plate.corners, width, height)]
        return image, plates, [quad for quad in unjudged if touches(quad, width, height)]

    def _view(self, scene: Scene, aim: ScenePlate) -> np.ndarray:
        """A random view that shows the aimed plate at a drawn width: 3x3 from scene to picture pixels."""
        rng = self._rng
        width, height = self._size
        plate_px = quad_size(aim.corners)[0]
        low, high = np.log(self._widths_px)
        scale = min(float(np.exp(rng.uniform(low, high))) / plate_px, 1.8)
        fit = min(width / scene.image.shape[1], height / scene.image.shape[0])
        if rng.random() < 0.7:
            scale = max(scale, 0.6 * fit)
        if rng.random() < 0.3:  # as the camera sees it: the whole picture, letter-boxed
            scale = fit * rng.uniform(0.6, 1.2)
        angle = self._tilt()
        stretch = np.exp(rng.normal(0, 0.08))
        mirror = -1.0 if rng.random() < 0.4 else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shear = np.array([[1.0, rng.normal(0, 0.06)], [self._slope(), 1.0]])
        linear = turn @ shear @ np.diag([mirror * scale * stretch, scale / stretch])
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        target = np.array([rng.uniform(0.02, 0.98) * width, rng.uniform(0.04, 0.96) * height])
        matrix[:2, 2] = target - linear @ aim.corners.mean(0)
        if rng.random() < 0.75:
            matrix[:2, 2] += self._cover(scene, matrix)
        tilt = np.eye(3)
        tilt[2, :2] = rng.normal(0, 0.1, 2) / (width, height)
        return np.asarray(tilt @ matrix)

    def _cover(self, scene: Scene, matrix: np.ndarray) -> np.ndarray:
        """The shift that fills the picture with as much of the scene as its size allows."""
        height, width = scene.image.shape[:2]
        outline = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ matrix[:2, :2].T + matrix[:2, 2]
        low, high = outline.min(0), outline.max(0)
        gap_low, gap_high = np.maximum(low, 0), np.maximum(np.array(self._size) - high, 0)
        return np.asarray(
            np.where(
                gap_low > 0,
                -np.minimum(gap_low, np.maximum(high - self._size, 0)),
                np.minimum(gap_high, np.maximum(-low, 0)),
            )
        )

    def _replaced(self, image: Picture, plate: ScenePlate) -> ScenePlate:
        """Now and then a drawn plate in the place of a real one, so that rare kinds meet real surroundings."""
        rng = self._rng
        if plate.rows == 2 or not plate.exact_corners or rng.random() < 0.5:
            return plate
        drawn = self._next_drawn()
        width_mm, height_mm = drawn.size_mm
        centre = plate.corners.mean(0)
        corners = (plate.corners - centre) * rng.uniform(1.05, 1.14) + centre
        taller = ONE_ROW / (width_mm / height_mm)
        if taller > 1:
            grow = (corners[3] - corners[0] + corners[2] - corners[1]) / 2 * (taller - 1) / 2
            corners = corners + np.stack([-grow, -grow, grow, grow])
        corners = np.asarray(corners + rng.normal(0, 0.02 * quad_size(corners)[1], (4, 2)), np.float32)
        return self._stamp(image, drawn, corners)

    def _paste_plate(self, image: Picture, plates: list[ScenePlate], unjudged: list[Quad], boards: list[Quad]) -> None:
        """A drawn plate where nothing of note is, if such a place is found at once."""
        drawn = self._next_drawn()
        width_mm, height_mm = drawn.size_mm
        low, high = np.log(self._widths_px)
        width_px = float(np.exp(self._rng.uniform(low, high)))
        quad = self._random_quad(width_px, width_px * height_mm / width_mm)
        if free(quad, [plate.corners for plate in plates] + unjudged + boards):
            plates.append(self._stamp(image, drawn, quad))

    def _paste_board(self, image: Picture, plates: list[ScenePlate], unjudged: list[Quad], boards: list[Quad]) -> None:
        """Lettering or an empty board that must not be found."""
        rng = self._rng
        mask = bars(rng) if rng.random() < 0.25 else self._lettering[int(rng.integers(len(self._lettering)))]
        ground = np.array(BOARD_COLOURS[int(rng.integers(len(BOARD_COLOURS)))]) + rng.normal(0, 18, 3)
        ink = np.full(3, 245.0 if ground.mean() < 140 else 20.0) + rng.normal(0, 12, 3)
        if rng.random() < 0.12:
            ink = ground
        pad = int(rng.integers(1, 14))
        mask = np.pad(mask, ((pad, pad), (pad, pad + int(rng.integers(0, 14)))))
        board = np.where(mask[..., None] > 127, ink, ground).clip(0, 255).astype(np.uint8)
        height_px = float(np.exp(rng.uniform(np.log(4.5), np.log(50.0))))
        width_px = min(height_px * board.shape[1] / board.shape[0], 0.9 * self._size[0])
        quad = self._random_quad(width_px, height_px)
        if not free(quad, [plate.corners for plate in plates] + unjudged + boards):
            return
        alpha = None if rng.random() < 0.6 else mask
        blend(image, board, quad, self._lit(image, quad, board), alpha)
        boards.append(quad)

    def _random_quad(self, width_px: float, height_px: float) -> Quad:
        rng = self._rng
        angle = self._tilt()
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width_px / 2, height_px / 2)
        corners[:, 1] += corners[:, 0] * self._slope()
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        centre = (rng.uniform(0, self._size[0]), rng.uniform(0, self._size[1]))
        return np.asarray(corners @ turn + centre + rng.normal(0, 0.025 * height_px, (4, 2)), np.float32)

    def _tilt(self) -> float:
        """Angle in radians: mostly a few degrees, now and then as steep as a car at an angle in front of the lens."""
        degrees = self._rng.normal(0, 6) if self._rng.random() < 0.75 else self._rng.uniform(-50, 50)
        return float(np.deg2rad(degrees))

    def _slope(self) -> float:
        """How far a plate's upright sides stay upright while its long ones rise: a car seen from its corner."""
        return float(self._rng.normal(0, 0.06) if self._rng.random() < 0.85 else self._rng.uniform(-0.7, 0.7))

    def _next_drawn(self) -> Pasted:
        slot = int(self._rng.integers(POOL_SIZE))
        drawn = self._pool[slot]
        if self._rng.random() < 0.2:
            self._pool[slot] = self._draw(self._rng)
        return drawn

    def _stamp(self, image: Picture, drawn: Pasted, corners: Quad) -> ScenePlate:
        rng = self._rng
        if rng.random() < 0.35:
            self._frame(image, corners)
        picture = drawn.image
        blend(image, picture, corners, self._lit(image, corners, picture), None)
        return ScenePlate(drawn.text, corners, str(drawn.colour), drawn.rows)

    def _frame(self, image: Picture, corners: Quad) -> None:
        """A holder or a shadow around a plate, a little larger than it."""
        rng = self._rng
        centre = corners.mean(0)
        outer = (corners - centre) * (1 + rng.uniform(0.03, 0.12), 1 + rng.uniform(0.08, 0.35)) + centre
        outer[:, 1] += rng.normal(0, 0.04) * quad_size(corners)[1]
        shade = float(rng.uniform(10, 110) if rng.random() < 0.6 else rng.uniform(110, 240))
        cv2.fillConvexPoly(image, np.round(outer * 16).astype(np.int32), (shade, shade, shade), cv2.LINE_AA, 4)

    def _lit(self, image: Picture, quad: Quad, picture: Picture) -> float:
        """How bright to paste: mostly as bright as the surroundings suggest."""
        x0, y0 = np.maximum(quad.min(0), 0).astype(int)
        x1, y1 = np.ceil(quad.max(0)).astype(int) + 1
        around = image[y0:y1, x0:x1]
        surround = float(around.mean()) if around.size else 110.0
        gain = (surround + 60.0) / (float(picture.mean()) + 60.0)
        return float(np.clip(gain ** self._rng.uniform(0.0, 1.0) * np.exp(self._rng.normal(0, 0.2)), 0.2, 1.8))


def _chances(scenes: Sequence[Scene]) -> NDArray[np.float64]:
    """How often each scene is shown: one with a plate that is not a blue one of one row three times as often."""
    rare = [any(plate.colour != "blue" or plate.rows == 2 for plate in scene.plates) for scene in scenes]
    weights = np.where(rare, 3.0, 1.0)
    return np.asarray(weights / max(weights.sum(), 1.0), np.float64)


def project(matrix: np.ndarray, quad: Quad, mirrored: bool) -> Quad:
    """Corners through a 3x3 matrix; a mirrored plate's left becomes its right, so that the order stays clockwise."""
    moved = cv2.perspectiveTransform(quad[None].astype(np.float64), matrix)[0]
    return np.asarray(moved[[1, 0, 3, 2]] if mirrored else moved, np.float32)


def inside(quad: Quad, width: int, height: int, slack_px: float = 1.5) -> bool:
    """Whether all corners lie in the picture, but for a slack."""
    low, high = quad.min(0), quad.max(0)
    return bool(low.min() >= -slack_px and high[0] <= width + slack_px and high[1] <= height + slack_px)


def touches(quad: Quad, width: int, height: int) -> bool:
    """Whether the quad's box meets the picture."""
    low, high = quad.min(0), quad.max(0)
    return bool(high[0] > 0 and high[1] > 0 and low[0] < width and low[1] < height)


def free(quad: Quad, others: Sequence[Quad]) -> bool:
    """Whether the quad's box, a little widened, meets no other box."""
    low, high = quad.min(0) - 3, quad.max(0) + 3
    return not any(bool((o.max(0) > low).all() and (o.min(0) < high).all()) for o in others)


def plain_ground(rng: Rng, size: tuple[int, int]) -> Picture:
    """A ground without things: a tone, soft noise, at times stripes as asphalt, walls and grilles have."""
    width, height = size
    tone = rng.uniform(0, 200, 3) * 0.2 + rng.uniform(0, 200) * 0.8
    ground = np.empty((height, width, 3), np.uint8)
    ground[:] = tone.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        period = int(rng.integers(3, 24))
        bars = (np.arange(height) // period % 2 * rng.uniform(10, 90)).astype(np.uint8)
        ground = np.asarray(cv2.add(ground, np.repeat(np.repeat(bars[:, None, None], width, 1), 3, 2)), np.uint8)
    if rng.random() < 0.4:
        cells = int(rng.integers(2, 17))
        small = add_noise(rng, np.full((height // cells + 1, width // cells + 1, 3), 100, np.uint8), rng.uniform(2, 14))
        soft = cv2.resize(small, size).astype(np.int16) - 100
        ground = (ground + soft).clip(0, 255).astype(np.uint8)
    return ground


def bars(rng: Rng) -> Picture:
    """A mask of bars as radiator grilles, fences and windows have them, 32 high."""
    width = int(rng.integers(60, 130))
    period = float(rng.uniform(4.5, 14.0))
    slant = float(rng.normal(0, 0.15))
    ys, xs = np.mgrid[0:32, 0:width]
    across = xs + slant * ys if rng.random() < 0.75 else ys + slant * xs
    return np.asarray((across % period < period * rng.uniform(0.3, 0.7)) * 255, np.uint8)


def blend(image: Picture, picture: Picture, quad: Quad, gain: float, alpha: Picture | None) -> None:
    """Paste a picture onto the quad in place, its brightness times gain, softly at the edge; alpha 255 is opaque."""
    x0, y0 = np.floor(np.maximum(quad.min(0) - 2, 0)).astype(int)
    x1, y1 = np.ceil(np.minimum(quad.max(0) + 2, image.shape[1::-1])).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    shrink = quad_size(quad)[0] / picture.shape[1]
    if shrink < 0.7:
        new = (max(4, round(picture.shape[1] * shrink)), max(3, round(picture.shape[0] * shrink)))
        picture = np.asarray(cv2.resize(picture, new, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = None if alpha is None else np.asarray(cv2.resize(alpha, new, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = picture.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, quad - np.array([x0, y0], np.float32))
    size = (int(x1 - x0), int(y1 - y0))
    lit = cv2.convertScaleAbs(picture, alpha=gain)
    pasted = cv2.warpPerspective(lit, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.full((height, width), 255, np.uint8) if alpha is None else alpha
    weight = cv2.warpPerspective(cover, matrix, size, flags=cv2.INTER_LINEAR).astype(np.float32)[..., None] / 255.0
    view = image[y0:y1, x0:x1]
    view[:] = (view + weight * (pasted.astype(np.float32) - view)).astype(np.uint8)
