"""Finds plates in a picture: a small network over the whole picture proposes, another refines each one in close-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from controller.records import Colour, Corners
from models.closeups import Picture, Quad, closeup_matrix, cut, fit, is_coloured, is_plate_shaped, map_points, quad_size
from models.engines import FloatArray, Network, input_layout
from models.engines.pixels import Pixels
from models.manifest import check_bounds, check_values

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

COLOURS = (Colour.BLUE, Colour.YELLOW, Colour.GREEN, Colour.WHITE, Colour.BLACK)
"""In the order of the networks' outputs."""

PIXEL_MEAN, PIXEL_SCALE = 127.5, 1 / 64
STRIDE, MULTIPLE = 8, 32
OFFSET_UNIT_PX = 32.0
CLOSEUP_PX = (128, 64)
"""What both networks are made with, of DetectorSettings: another number would find other places."""

_BOUNDS: dict[str, tuple[float, float]] = {
    "side_px": (64, 4096),
    "largest_side_px": (64, 4096),
    "smaller_side_px": (64, 4096),
    "most_shrunk": (1.0, 100.0),
    "margin_x": (0.01, 1.0),
    "margin_y": (0.01, 1.0),
    "propose": (0.01, 0.99),
    "accept": (0.01, 0.99),
    "most": (1, 100),
    "looks": (1, 10),
    "settled": (0.0, 1.0),
}
"""Of the settings that may be chosen."""

_CORNERS = slice(1, 9)
_OVERLAP = 0.35
"""Two finds whose boxes share more than this part of their union are one plate."""


@dataclass(frozen=True)
class DetectorSettings:
    """The manifest's detector section: how its networks want their input, and the thresholds.

    colours: class order of the colour outputs. side_px: longer side of the finder's picture. largest_side_px: the
    same for a picture that would be shrunk more than most_shrunk times; where nothing is found at that size, side_px
    is tried after it, because a plate can also be too large. smaller_side_px: tried last where nothing is found, for
    plates at a slant above all; side_px to leave it out. multiple: the picture's sides are padded to it.
    margin_x, margin_y: how far a close-up reaches beyond the proposal, as shares of its width and height on each
    side. propose: a centre's probability that earns a close-up. accept: a close-up's probability that makes it a
    plate. looks: how many close-ups in a row at most, each where the one before saw the plate. settled: a close-up
    that moves no corner by this share of the plate's height is the last one; 0 always takes all looks.
    """

    colours: tuple[Colour, ...]
    mean: float
    scale: float
    side_px: int
    largest_side_px: int
    smaller_side_px: int
    most_shrunk: float
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
        """Raises ReaderError when the section lacks a setting or has a senseless one."""
        what, given = "the detector", section.get("settings")
        known = {
            "colours": [str(colour) for colour in COLOURS],
            "mean": PIXEL_MEAN,
            "scale": PIXEL_SCALE,
            "multiple": MULTIPLE,
            "stride": STRIDE,
            "offset_unit_px": OFFSET_UNIT_PX,
            "closeup_px": [*CLOSEUP_PX],
        }
        check_values(what, given, known)
        check_bounds(what, given, _BOUNDS)
        assert isinstance(given, Mapping)
        chosen = {name: given[name] for name in _BOUNDS}
        return cls(**{**known, **chosen, "colours": COLOURS, "closeup_px": CLOSEUP_PX})

    def sides_for(self, longest_px: int) -> tuple[int, ...]:
        """Sizes of the finder's picture to try in turn for a picture of this longer side."""
        large = longest_px > self.most_shrunk * self.side_px and self.largest_side_px > self.side_px
        again = (self.smaller_side_px,) if self.smaller_side_px < self.side_px else ()
        return (*((self.largest_side_px,) if large else ()), self.side_px, *again)


@dataclass(frozen=True)
class Detection:
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
        levels = np.arange(256, dtype=np.float32) * np.float32(settings.scale)
        values = levels - np.float32(settings.mean) * np.float32(settings.scale)
        self._pictures = Pixels(input_layout(finder), values)
        self._closeups = Pixels(input_layout(refiner), values) if refiner else self._pictures

    def detect(self, image: Picture) -> list[Detection]:
        """Plates of a BGR picture (H, W, 3), surest first."""
        for side_px in self._settings.sides_for(max(image.shape[:2])):
            proposals = [self.refine(image, proposal) for proposal in self.propose(image, side_px)]
            sure = [p for p in proposals if p.confidence >= self._settings.accept and is_plate_shaped(p.quad)]
            if sure:
                return [self._found(proposal) for proposal in _distinct(sure)]
        return []

    def propose(self, image: Picture, side_px: int | None = None) -> list[Proposal]:
        """What the finder alone sees, surest first, in pixels of the picture given. side_px: else the settings'."""
        settings = self._settings
        picture, scale_x, scale_y = fit(image, side_px or settings.side_px, settings.multiple)
        (output,) = self._finder.run(self._pictures.fill([picture]))
        heat = sigmoid(output[0, 0])
        highest = cv2.dilate(heat, np.ones((3, 3), np.uint8))
        ys, xs = np.nonzero((heat >= highest) & (heat >= settings.propose))
        order = np.argsort(-heat[ys, xs])[: 4 * settings.most]
        ys, xs = ys[order], xs[order]
        answers = output[0, :, ys, xs]
        offsets = answers[:, _CORNERS].reshape(-1, 4, 2) * settings.offset_unit_px
        cells = (np.stack([xs, ys], axis=1) + 0.5) * settings.stride
        quads = ((offsets + cells[:, None] + 0.5) / (scale_x, scale_y) - 0.5).astype(np.float32)
        split = 9 + len(settings.colours)
        proposals = [
            Proposal(quad, confidence, answer[9:split], answer[split:])
            for quad, confidence, answer in zip(quads, heat[ys, xs].tolist(), answers, strict=True)
        ]
        return _distinct(proposals)[: settings.most]

    def refine(self, image: Picture, proposal: Proposal) -> Proposal:
        """The proposal with what close-ups show: corners, plate or not (the worst of all looks), colour, rows."""
        if self._refiner is None:
            return proposal
        seen = self._closeup(self._refiner, image, proposal)
        for _ in range(self._settings.looks - 1):
            if seen.confidence < self._settings.accept or self._is_settled(proposal.quad, seen.quad):
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
        (output,) = refiner.run(self._closeups.fill([closeup]))
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

    def look(self, image: Picture) -> Detection:
        """What a picture shows that is nothing but one plate, edge to edge: its colour and rows."""
        height, width = image.shape[:2]
        nothing = np.zeros(len(self._settings.colours), np.float32)
        edges = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
        plain = Proposal(edges, 1.0, nothing, nothing[:2])
        seen = plain if self._refiner is None else self._closeup(self._refiner, image, plain)
        return self._found(replace(seen, quad=edges))

    def _found(self, proposal: Proposal) -> Detection:
        a, b, c, d = ((float(x), float(y)) for x, y in proposal.quad)
        best = int(np.argmax(proposal.colour))
        odds = np.exp(proposal.colour - proposal.colour[best])
        certainty = float(1.0 / odds.sum()) if proposal.coloured else 0.0
        rows = int(np.argmax(proposal.rows)) + 1
        return Detection((a, b, c, d), self._settings.colours[best], rows, proposal.confidence, certainty)


def sigmoid(logits: FloatArray) -> FloatArray:
    """Logistic function, safe for large magnitudes."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -40, 40))), np.float32)


def _distinct(proposals: list[Proposal]) -> list[Proposal]:
    """Surest first, each plate once."""
    kept: list[tuple[Proposal, Box]] = []
    for proposal in sorted(proposals, key=lambda p: -p.confidence):
        box: Box = (*proposal.quad.min(0).tolist(), *proposal.quad.max(0).tolist())
        if not any(_same(box, other) for _, other in kept):
            kept.append((proposal, box))
    return [proposal for proposal, _ in kept]


def _same(one: Box, other: Box) -> bool:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = _area(one), _area(other)
    return shared > _OVERLAP * (sum(areas) - shared) or shared > 0.7 * min(areas)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
