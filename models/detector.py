"""Finds plates in a picture: a small network over the whole picture proposes, another refines each one in close-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import Colour, Corners
from models.engines import FloatArray, Network

Picture = NDArray[np.uint8]
Quad = NDArray[np.float32]

_CORNERS = slice(1, 9)
_OVERLAP = 0.35
"""Two finds whose boxes share more than this part of their union are one plate."""

_GREY_SPREAD = 5.0
"""Mean difference of a pixel's channels, in grey levels, under which a picture counts as grey."""


@dataclass(frozen=True)
class DetectorSettings:
    """The manifest's detector section: how its networks want their input, and the thresholds.

    colours: class order of the colour outputs. side_px: longer side of the finder's picture. multiple: its sides are
    padded to it. margin_x, margin_y: how far a close-up reaches beyond the proposal, as shares of its width and
    height on each side. propose: a centre's probability that earns a close-up. accept: a close-up's probability that
    makes it a plate. looks: how many close-ups in a row at most, each where the one before saw the plate. settled: a
    close-up that moves no corner by this share of the plate's height is the last one; 0 always takes all looks.
    """

    colours: tuple[Colour, ...]
    mean: float
    scale: float
    side_px: int
    multiple: int
    stride: int
    offset_unit_px: float
    closeup_px: tuple[int, int]
    margin_x: float
    margin_y: float
    propose: float
    accept: float
    most: int
    looks: int
    settled: float

    @classmethod
    def from_manifest(cls, section: Mapping[str, Any]) -> DetectorSettings:
        """Raises KeyError when the section lacks a setting."""
        values = dict(section["settings"])
        values["colours"] = tuple(Colour(name) for name in values["colours"])
        values["closeup_px"] = tuple(values["closeup_px"])
        return cls(**values)


@dataclass(frozen=True)
class Found:
    """One plate in pixels of the picture given: corners clockwise from its top left; confidence 0 to 1.

    colour_certainty: 0 to 1, how sure the colour is; 0 for a picture without colours.
    """

    corners: Corners
    colour: Colour
    rows: int
    confidence: float
    colour_certainty: float


@dataclass(frozen=True)
class Proposal:
    """A find on its way: corners (4, 2), confidence 0 to 1, logits of colours and of one or two rows.

    coloured: False where the close-up is grey, so that its colour tells nothing.
    """

    quad: Quad
    confidence: float
    colour: FloatArray
    rows: FloatArray
    coloured: bool = True


class Detector:
    """Holds two networks; one thread at a time."""

    def __init__(self, finder: Network, refiner: Network | None, settings: DetectorSettings) -> None:
        """Without a refiner the finder's proposals above `accept` are the answer."""
        self._finder = finder
        self._refiner = refiner
        self._settings = settings

    def detect(self, image: Picture) -> list[Found]:
        """Plates of a BGR picture (H, W, 3), surest first."""
        proposals = [self.refine(image, proposal) for proposal in self.propose(image)]
        sure = [p for p in proposals if p.confidence >= self._settings.accept and is_plate_shaped(p.quad)]
        return [self._found(proposal) for proposal in _distinct(sure)]

    def propose(self, image: Picture) -> list[Proposal]:
        """What the finder alone sees, surest first, in pixels of the picture given."""
        settings = self._settings
        picture, scale_x, scale_y = fit(image, settings.side_px, settings.multiple)
        (output,) = self._finder.run(as_input(picture, settings))
        heat = sigmoid(output[0, 0])
        highest = cv2.dilate(heat, np.ones((3, 3), np.uint8))
        ys, xs = np.nonzero((heat >= highest) & (heat >= settings.propose))
        order = np.argsort(-heat[ys, xs])[: 4 * settings.most]
        proposals = []
        for y, x in zip(ys[order], xs[order], strict=True):
            offsets = output[0, _CORNERS, y, x].reshape(4, 2) * settings.offset_unit_px
            cell = (np.array([x, y]) + 0.5) * settings.stride
            quad = ((offsets + cell + 0.5) / (scale_x, scale_y) - 0.5).astype(np.float32)
            classes = output[0, 9:, y, x]
            split = len(settings.colours)
            proposals.append(Proposal(quad, float(heat[y, x]), classes[:split], classes[split:]))
        return _distinct(proposals)[: settings.most]

    def refine(self, image: Picture, proposal: Proposal) -> Proposal:
        """The proposal with what close-ups show: corners, plate or not (the worst of all looks), colour, rows."""
        if self._refiner is None:
            return proposal
        seen = self._closeup(self._refiner, image, proposal)
        for _ in range(self._settings.looks - 1):
            if seen.confidence < self._settings.propose or self._is_settled(proposal.quad, seen.quad):
                break
            proposal = seen
            again = self._closeup(self._refiner, image, proposal)
            seen = replace(again, confidence=min(proposal.confidence, again.confidence))
        return seen

    def _is_settled(self, before: Quad, seen: Quad) -> bool:
        return float(np.abs(seen - before).max()) < self._settings.settled * quad_size(seen)[1]

    def _closeup(self, refiner: Network, image: Picture, proposal: Proposal) -> Proposal:
        settings = self._settings
        matrix = closeup_matrix(proposal.quad, settings.closeup_px, (settings.margin_x, settings.margin_y))
        closeup = cut(image, matrix, settings.closeup_px)
        (output,) = refiner.run(as_input(closeup, settings))
        answer = output[0]
        corners = answer[:8].reshape(4, 2) * settings.closeup_px - 0.5
        split = 9 + len(settings.colours)
        return replace(
            proposal,
            quad=map_points(cv2.invertAffineTransform(matrix), corners),
            confidence=float(sigmoid(answer[8:9])[0]),
            colour=answer[9:split],
            rows=answer[split:],
            coloured=is_coloured(closeup),
        )

    def look(self, image: Picture) -> Found:
        """What a picture shows that is nothing but one plate, edge to edge: its colour and rows."""
        height, width = image.shape[:2]
        nothing = np.zeros(len(self._settings.colours), np.float32)
        edges = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
        plain = Proposal(edges, 1.0, nothing, nothing[:2])
        seen = plain if self._refiner is None else self._closeup(self._refiner, image, plain)
        return self._found(replace(seen, quad=edges))

    def _found(self, proposal: Proposal) -> Found:
        a, b, c, d = ((float(x), float(y)) for x, y in proposal.quad)
        best = int(np.argmax(proposal.colour))
        odds = np.exp(proposal.colour - proposal.colour[best])
        certainty = float(1.0 / odds.sum()) if proposal.coloured else 0.0
        rows = int(np.argmax(proposal.rows)) + 1
        return Found((a, b, c, d), self._settings.colours[best], rows, proposal.confidence, certainty)


def fit(image: Picture, side_px: int, multiple: int) -> tuple[Picture, float, float]:
    """The picture with its longer side at side_px, padded with grey on the right and below to the multiple.

    Returns it with the scale in x and in y. Small pictures grow at most twofold.
    """
    height, width = image.shape[:2]
    scale = min(2.0, side_px / max(height, width))
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    small: Any = image
    while small.shape[0] >= 2 * new_height and small.shape[1] >= 2 * new_width:
        half = (small.shape[1] // 2, small.shape[0] // 2)  # exact halving is quick: half the time of one odd step
        small = cv2.resize(small, half, interpolation=cv2.INTER_AREA)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(small, (new_width, new_height), interpolation=way)
    right, below = -new_width % multiple, -new_height % multiple
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return np.asarray(padded, np.uint8), new_width / width, new_height / height


def as_input(picture: Picture, settings: DetectorSettings) -> FloatArray:
    """uint8 BGR (H, W, 3) -> float32 (1, 3, H, W)."""
    mean = (settings.mean,) * 3
    return np.asarray(cv2.dnn.blobFromImage(picture, settings.scale, mean=mean), np.float32)


def sigmoid(logits: FloatArray) -> FloatArray:
    """Logistic function, safe for large magnitudes."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -40, 40))), np.float32)


def is_plate_shaped(quad: Quad) -> bool:
    """Whether corners go clockwise around a convex shape, wider than high and of readable size."""
    edges = np.roll(quad, -1, 0) - quad
    following = np.roll(edges, -1, 0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    sides = np.hypot(edges[:, 0], edges[:, 1])
    return bool((turns > 0).all() and min(sides[0], sides[2]) > 12 and min(sides[1], sides[3]) > 4
                and sides[0] + sides[2] > sides[1] + sides[3])


def quad_size(quad: Quad) -> tuple[float, float]:
    """Mean width and mean height of a plate's corners, in pixels."""
    width = (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    height = (np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    return float(width), float(height)


def is_coloured(picture: Picture) -> bool:
    """Whether a picture has colours at all; cameras at night often send grey."""
    sample = picture[::4, ::4].astype(np.int16)
    return float((sample.max(2) - sample.min(2)).mean()) > _GREY_SPREAD


def closeup_matrix(quad: Quad, size: tuple[int, int], margins: tuple[float, float]) -> FloatArray:
    """The affine map (2, 3) from picture to a close-up of size (width, height) that shows the quad and its margins.

    Affine, because a proposal's perspective is too uncertain to be straightened out.
    """
    width, height = size
    centre = quad.mean(0)
    along = (quad[1] - quad[0] + quad[2] - quad[3]) / 2 * (1 + 2 * margins[0])
    down = (quad[3] - quad[0] + quad[2] - quad[1]) / 2 * (1 + 2 * margins[1])
    source = np.stack([centre - along / 2 - down / 2, centre + along / 2 - down / 2, centre - along / 2 + down / 2])
    target = np.array([[0, 0], [width, 0], [0, height]], np.float32) - 0.5
    return np.asarray(cv2.getAffineTransform(source.astype(np.float32), target), np.float32)


def cut(image: Picture, matrix: FloatArray, size: tuple[int, int]) -> Picture:
    """The close-up itself; a strongly reduced one is smoothed first so that it does not alias."""
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.5:
        factor = 2.0 * shrink
        low, high = _reach(image, matrix, size)
        part = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        if part.size:
            small = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            ratio = np.array([small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]])
            linear = matrix[:, :2] / ratio
            shift = matrix[:, 2] + matrix[:, :2] @ (low - 0.5) + linear @ np.array([0.5, 0.5])
            image, matrix = np.asarray(small, np.uint8), np.asarray(np.column_stack([linear, shift]), np.float32)
    return np.asarray(
        cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _reach(image: Picture, matrix: FloatArray, size: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The box of the picture that a close-up looks at, cut to the picture, with a little room."""
    width, height = size
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = map_points(cv2.invertAffineTransform(matrix), outline)
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(seen.min(0)) - 4, 0, limit).astype(np.int64)
    high = np.clip(np.ceil(seen.max(0)) + 4, 0, limit).astype(np.int64)
    return low, high


def map_points(matrix: FloatArray, points: NDArray[Any]) -> Quad:
    """Points (N, 2) through an affine map (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def _distinct(proposals: list[Proposal]) -> list[Proposal]:
    """Surest first, each plate once."""
    kept: list[Proposal] = []
    for proposal in sorted(proposals, key=lambda p: -p.confidence):
        if not any(_same(proposal.quad, other.quad) for other in kept):
            kept.append(proposal)
    return kept


def _same(one: Quad, other: Quad) -> bool:
    low, high = np.maximum(one.min(0), other.min(0)), np.minimum(one.max(0), other.max(0))
    shared = float(np.prod(np.maximum(high - low, 0)))
    smaller = min(_box_area(one), _box_area(other))
    union = _box_area(one) + _box_area(other) - shared
    return shared > _OVERLAP * union or shared > 0.7 * smaller


def _box_area(quad: Quad) -> float:
    return float(np.prod(quad.max(0) - quad.min(0)))
