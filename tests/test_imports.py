"""The arrows between the packages, and the one place of every heavy library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("controller", "models", "hardware", "service", "station")

EDGE = ("greenlane.wiring", "greenlane.cli", "greenlane.simulation", "greenlane.demo", "greenlane.report")
"""The controller's rooms that may know concrete parts; all else of it is the core."""

CONTRACTS = {"controller.records", "controller.ports", "controller.errors"}

STATION_MAY = (
    "service",
    "controller.outbound.periodic",
    "controller.outbound.http",
    "controller.clock",
    "controller.outbound.courier",
    "controller.errors",
    "controller.outbound.outbox",
    "controller.ports",
    "controller.outbound.signing",
    "controller.outbound.statefile",
)
"""A station's central control is a client of the server and a service to the lanes, and takes both from there."""

JUDGES = {"models.training.evaluation.visits": ("controller.watching.vote", "controller.settings_records")}
"""Who judges the reader by the lane's own vote, and what it takes of the lane for that."""

HOMES = {
    "requests": ("controller.outbound.http", "greenlane.cli"),
    "cryptography": ("controller.outbound.signing", "service"),
    "http_message_signatures": ("controller.outbound.signing", "service"),
    "gpiozero": ("hardware",),
    "lgpio": ("hardware.pins",),
    "picamera2": ("hardware.cameras",),
    "libcamera": ("hardware.cameras",),
    "cv2": ("models", "hardware", *EDGE, "controller.watching.calibration"),
    "numpy": ("models", "hardware", *EDGE, "controller.watching.calibration"),
    "onnxruntime": ("models.engines", "models.training.detector.quantise"),
    "easyocr": ("models.engines",),
    "torch": ("models.training", "models.engines"),
    "fastapi": ("service", "station"),
    "sqlalchemy": ("service", "station"),
    "tqdm": ("greenlane.cli", "greenlane.simulation", "greenlane.demo", "models.training", "greenlane.bench.service"),
}
"""Third-party library -> the modules (and all below them) that may import it."""


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(name: str, path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            module = node.module or ""
            below = {f"{module}.{alias.name}" for alias in node.names}
            found.update(below if module in PACKAGES else {module})
    return found


def inside(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def breach(name: str, target: str) -> str | None:
    """Why module `name` must not import `target`, or None."""
    own, other = name.split(".")[0], target.split(".")[0]
    if other in sys.stdlib_module_names or target == "greenlane.__version__" or target == "controller":
        return None
    if other in HOMES and not inside(name, *HOMES[other]):
        return f"{other} belongs in {', '.join(HOMES[other])}"
    if own == other or other not in PACKAGES:
        core = own == "controller" and not inside(name, *EDGE)
        if core and other not in PACKAGES and other not in HOMES:
            return "the core needs nothing but the standard library"
        if core and inside(target, *EDGE):
            return "the core does not know its wiring"
        return None
    if own == "controller":
        return (
            None if inside(name, *EDGE) or inside(target, "wire.questions") else "the core knows wire.questions alone"
        )
    if own == "station":
        return None if inside(target, *STATION_MAY) else "a station knows the service and the controller's line to it"
    if own == "service":
        return "the service knows no other package"
    if inside(target, *CONTRACTS, *JUDGES.get(name, ())) or (own == "hardware" and inside(target, "wire.questions")):
        return None
    return "only the controller's records, ports and errors"


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=lambda v: v if isinstance(v, str) else "")
def test_arrows_point_one_way(name: str, path: Path) -> None:
    breaches = {target: why for target in sorted(imports(name, path)) if (why := breach(name, target))}
    assert not breaches, f"{name}: {breaches}"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("controller.lane.machine", "models.reader"),
        ("controller.watching.vote", "numpy"),
        ("controller.lane.machine", "greenlane.wiring"),
        ("models.reader", "controller.lane.machine"),
        ("models.reader", "controller.watching.vote"),
        ("models.reader", "hardware.lamp"),
        ("hardware.lamp", "service.books.ledger"),
        ("service.app", "controller.records"),
        ("models.reader", "torch"),
        ("controller.outbound.http", "service.books.ledger"),
        ("station.answers", "controller.lane.machine"),
        ("station.answers", "hardware.lamp"),
        ("service.app", "station.wiring"),
        ("controller.lane.machine", "station.answers"),
    ],
)
def test_the_rule_itself_refuses(name: str, target: str) -> None:
    assert breach(name, target) is not None
