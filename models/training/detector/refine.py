"""Close-ups for the refiner: what the finder proposes on composed pictures, and plates shifted on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.closeups import closeup_matrix, cut, map_points, quad_size
from models.detector import CLOSEUP_PX, COLOURS, Detector, DetectorSettings
from models.engines import FloatArray, Network
from models.training.data.scenes import Picture, Quad, ScenePlate
from models.training.detector.compose import Composed, Composer, touches
from models.training.detector.targets import to_input
from models.training.detector.train import Batch
from models.training.precision import autocast

MARGINS = (0.17, 0.4)
"""Room around a proposal in its close-up, as shares of its width and height: what the finder's errors need."""

UNSURE = -1
SIDES_PX = (224, 448)


class TorchNetwork:
    """A network under training behind the engines' protocol."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval()

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        with autocast():
            answer = self._module(torch.from_numpy(input))
        return (np.asarray(answer.float().numpy(), np.float32),)


@dataclass(frozen=True)
class Closeup:
    """One close-up (64, 128, 3) and what it shows.

    plate: 1 a plate, 0 none, UNSURE neither learnt. corners (4, 2): shares of width and height. height: the plate's
    height as a share of the close-up's, by which corner errors are weighed; 0 where corners teach nothing.
    """

    image: Picture
    plate: int
    corners: Quad
    height: float
    colour: int
    rows: int


class CloseupMaker:
    """Cuts close-ups out of composed pictures."""

    def __init__(self, composer: Composer, finder: Network, settings: DetectorSettings, seed: int) -> None:
        self._composer = composer
        self._rng = np.random.default_rng(seed)
        self._detectors = [Detector(finder, None, settings_with(settings, side)) for side in SIDES_PX]

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches without end; the close-ups of one picture are spread over several of them."""
        store: list[Closeup] = []
        while True:
            while len(store) < 6 * size:
                store += self.closeups(self._composer.compose())
            order = self._rng.permutation(len(store))
            yield closeup_batch([store[i] for i in order[:size]])
            store = [store[i] for i in order[size:]]

    def closeups(self, composed: Composed) -> list[Closeup]:
        """Close-ups of one picture: proposals, shifted plates, boards and random places."""
        detector = self._detectors[int(self._rng.integers(len(self._detectors)))]
        quads = [proposal.quad for proposal in detector.propose(composed.image)]
        for plate in composed.plates:
            quads += [self._shifted(plate.corners) for _ in range(2)]
        quads += [self._shifted(board) for board in composed.boards]
        quads.append(self._anywhere(composed.image))
        height, width = composed.image.shape[:2]
        return [closeup_of(composed, quad) for quad in quads if _usable(quad, width, height)]

    def _shifted(self, quad: Quad) -> Quad:
        """A quad off by what a finder may be off."""
        rng = self._rng
        boldness = 2.0 if rng.random() < 0.15 else 1.0
        width, height = quad_size(quad)
        centre = quad.mean(0)
        angle = np.deg2rad(rng.normal(0, 4.0 * boldness))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        along = (quad[1] - quad[0]) / max(width, 1e-6)
        down = np.array([-along[1], along[0]])
        local = (quad - centre) @ np.stack([along, down], 1) * np.exp(rng.normal(0, 0.11 * boldness, 2))
        local[:, 1] += local[:, 0] * rng.normal(0, 0.06 * boldness)
        shift = rng.normal(0, 1, 2) * (0.05 * width, 0.13 * height) * boldness
        return np.asarray((local + shift) @ np.stack([along, down]) @ turn + centre, np.float32)

    def _anywhere(self, image: Picture) -> Quad:
        rng = self._rng
        width = float(np.exp(rng.uniform(np.log(20), np.log(220))))
        height = width / rng.uniform(1.8, 3.4)
        box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)
        centre = rng.uniform(0, 1, 2) * image.shape[1::-1]
        return np.asarray(box + centre + rng.normal(0, 0.05 * height, (4, 2)), np.float32)


def settings_with(settings: DetectorSettings, side_px: int) -> DetectorSettings:
    """Training's proposals: another picture size and a low bar, so that the refiner meets doubtful ones."""
    return replace(settings, side_px=side_px, propose=0.06, most=8)


def closeup_of(composed: Composed, quad: Quad) -> Closeup:
    """The close-up of one proposal in a composed picture, labelled by what lies in it."""
    matrix = closeup_matrix(quad, CLOSEUP_PX, MARGINS)
    image = cut(composed.image, matrix, CLOSEUP_PX)
    shares = [(plate, _shares(matrix, plate.corners)) for plate in composed.plates]
    nothing = np.zeros((4, 2), np.float32)
    if not shares:
        plate_class = UNSURE if _meets(matrix, composed.unjudged) else 0
        return Closeup(image, plate_class, nothing, 0.0, UNSURE, UNSURE)
    plate, corners = min(shares, key=lambda pair: float(np.abs(pair[1].mean(0) - 0.5).max()))
    away = float(np.abs(corners.mean(0) - 0.5).max())
    spread = corners.max(0) - corners.min(0)
    fits = corners.min() > -0.02 and corners.max() < 1.02 and spread[0] > 0.4 and spread[1] > 0.25
    if fits and away < 0.25:
        return _positive(composed, image, plate, corners)
    clear = (away > 0.55 or (spread < 0.12).any()) and not _meets(matrix, composed.unjudged)
    return Closeup(image, 0 if clear else UNSURE, nothing, 0.0, UNSURE, UNSURE)


def closeup_batch(closeups: Sequence[Closeup]) -> tuple[Tensor, dict[str, Tensor]]:
    """Network input (N, 3, 64, 128) and targets."""

    def column(name: str, kind: type) -> Tensor:
        return torch.from_numpy(np.array([getattr(closeup, name) for closeup in closeups], kind))

    target = {name: column(name, np.int64) for name in ("plate", "colour", "rows")}
    target["height"] = column("height", np.float32)
    target["corners"] = torch.from_numpy(np.stack([closeup.corners for closeup in closeups]).astype(np.float32))
    return to_input([closeup.image for closeup in closeups]), target


def refiner_loss(output: Tensor, target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Losses by name for an output (N, 16). "corners" is the mean error as a share of the plate's height."""
    sure, known = target["plate"] != UNSURE, target["height"] > 0
    split = 9 + len(COLOURS)
    height_px = (target["height"] * CLOSEUP_PX[1]).clamp(min=4)
    size = torch.tensor(CLOSEUP_PX, dtype=torch.float32)
    error = (output[:, :8].reshape(-1, 4, 2) - target["corners"]).abs() * size
    share = error.mean((1, 2)) / height_px
    plate = functional.binary_cross_entropy_with_logits(output[:, 8], target["plate"].float(), reduction="none")
    return {
        "corners": 3.0 * (share * known).sum() / known.sum().clamp(min=1),
        "plate": (plate * sure).sum() / sure.sum().clamp(min=1),
        "colour": _classes(output[:, 9:split], target["colour"]),
        "rows": _classes(output[:, split:], target["rows"]),
    }


def _classes(logits: Tensor, target: Tensor) -> Tensor:
    known = target != UNSURE
    if not bool(known.any()):
        return logits.sum() * 0.0
    return 0.3 * functional.cross_entropy(logits[known], target[known])


def _positive(composed: Composed, image: Picture, plate: ScenePlate, corners: Quad) -> Closeup:
    height = float(quad_size(np.asarray(corners * CLOSEUP_PX, np.float32))[1] / CLOSEUP_PX[1])
    return Closeup(
        image=image,
        plate=1,
        corners=np.asarray(corners, np.float32),
        height=height if plate.exact_corners else 0.0,
        colour=COLOURS.index(plate.colour) if composed.coloured else UNSURE,
        rows=plate.rows - 1,
    )


def _shares(matrix: FloatArray, corners: Quad) -> Quad:
    """Corners in the picture -> shares of the close-up."""
    return np.asarray((map_points(matrix, corners) + 0.5) / CLOSEUP_PX, np.float32)


def _meets(matrix: FloatArray, quads: Sequence[Quad]) -> bool:
    return any(touches(map_points(matrix, quad), *CLOSEUP_PX) for quad in quads)


def _usable(quad: Quad, width: int, height: int) -> bool:
    across, down = quad_size(quad)
    centre = quad.mean(0)
    return bool(across > 8 and down > 3 and 0 <= centre[0] < width and 0 <= centre[1] < height)
