"""The arrows between the packages, and the one place of every heavy library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ARROWS = {
    "greenlane": {"station", "hardware", "models", "service", "controller", "wire"},
    "station": {"service", "controller", "wire"},
    "hardware": {"controller", "wire"},
    "models": {"controller", "wire"},
    "service": {"wire"},
    "controller": {"wire"},
    "wire": set(),
}
"""Package -> the packages below it, the only ones it may import."""

PORTS = ("controller.records", "controller.ports", "controller.errors")
"""What cameras, pins and networks know of the lane unit: the ports they fill and the records that go through them."""

NARROWED = {
    "hardware": ("wire", *PORTS),
    "models": ("wire", *PORTS),
    "models.training.evaluation.visits": ("wire", *PORTS, "controller.watching.vote", "controller.settings_records"),
    "station": (
        "service",
        "wire",
        "controller.clock",
        "controller.errors",
        "controller.ports",
        "controller.outbound",
    ),
}
"""Module (and all below it) -> the rooms of the packages below that it may use. The longest name counts."""

TRAINING = ("models.training", "greenlane.bench")
"""Who may import models.training: nothing that runs on a lane."""

HOMES = {
    "requests": ("controller.outbound", "greenlane.cli"),
    "cryptography": ("controller.outbound.signing", "service", "greenlane.bench"),
    "http_message_signatures": ("controller.outbound.signing", "service"),
    "gpiozero": ("hardware",),
    "lgpio": ("hardware.pins",),
    "picamera2": ("hardware.cameras",),
    "libcamera": ("hardware.cameras",),
    "cv2": ("models", "hardware", "greenlane", "controller.watching.calibration"),
    "numpy": ("models", "hardware", "greenlane", "controller.watching.calibration"),
    "onnxruntime": ("models.engines", "models.training.detector.quantise"),
    "easyocr": ("models.engines",),
    "torch": ("models.training", "models.engines"),
    "fastapi": ("service", "station", "greenlane.living"),
    "sqlalchemy": ("service", "station", "greenlane.bench"),
    "tqdm": ("greenlane", "models.training"),
}
"""Third-party library -> the modules (and all below them) that may import it."""

STANDARD_LIBRARY_ALONE = ("wire", "controller")
"""Packages that need nothing else, but for what HOMES gives a module of theirs."""


def modules() -> Iterator[tuple[str, Path]]:
    for package in ARROWS:
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
            found.update(below if (ROOT / module.replace(".", "/")).is_dir() else {module})
    return found


def inside(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def breach(name: str, target: str) -> str | None:
    """Why module `name` must not import `target`, or None."""
    own, other = name.split(".")[0], target.split(".")[0]
    if other in HOMES:
        return None if inside(name, *HOMES[other]) else f"{other} belongs in {', '.join(HOMES[other])}"
    if inside(target, "models.training") and not inside(name, *TRAINING):
        return "nothing that runs on a lane imports training"
    if other in ARROWS and other != own:
        return _arrow(name, target)
    if other not in ARROWS and other not in sys.stdlib_module_names and own in STANDARD_LIBRARY_ALONE:
        return f"{own} needs nothing but the standard library"
    return None


def _arrow(name: str, target: str) -> str | None:
    own, other = name.split(".")[0], target.split(".")[0]
    if other not in ARROWS[own]:
        return f"{own} lies below {other}, or beside it"
    narrowed = max((room for room in NARROWED if inside(name, room)), key=len, default=None)
    if narrowed and not inside(target, *NARROWED[narrowed]):
        return f"{narrowed} knows {', '.join(NARROWED[narrowed])} alone"
    return None


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
        ("controller.lane.machine", "station.answers"),
        ("controller.runner", "service.books.ledger"),
        ("models.reader", "controller.lane.machine"),
        ("models.reader", "controller.watching.vote"),
        ("models.reader", "hardware.lamp"),
        ("models.reader", "torch"),
        ("models.reader", "models.training.drawing.plates"),
        ("hardware.lamp", "service.books.ledger"),
        ("service.app", "controller.records"),
        ("service.app", "station.wiring"),
        ("controller.outbound.http", "service.books.ledger"),
        ("station.answers", "controller.lane.machine"),
        ("station.answers", "hardware.lamp"),
        ("wire.questions", "controller.records"),
        ("wire.codec", "pydantic"),
        ("service.server", "greenlane.cli"),
    ],
)
def test_the_rule_itself_refuses(name: str, target: str) -> None:
    assert breach(name, target) is not None


def _at_once(path: Path) -> set[str]:
    """What a module imports before its own definitions exist: not within functions, nor for types alone."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_no_module_needs_itself_to_be_imported() -> None:
    """Whichever module of a circle is imported first fails, and only there: `admin phone add` once did."""
    graph = {name: _at_once(path) for name, path in modules()}
    known = {name: {t for t in targets if t in graph and t != name} for name, targets in graph.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' -> '.join((*way[way.index(name) :], name))}"
        if name not in done:
            for target in sorted(known[name]):
                visit(target, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())
