"""The arrows between the packages, and the one place of every heavy library."""

from __future__ import annotations

import ast
import functools
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sources import parsed

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

TRAINING = ("models.training", "greenlane.bench.peers")
"""Who may import models.training: nothing that runs on a lane. A wheel may leave it out (tests/cli/test_package.py)."""

HOMES = {
    "argparse": ("greenlane", "models.training"),
    "requests": ("controller.outbound", "greenlane.cli"),
    "cryptography": ("controller.outbound.key_pair", "service", "greenlane.bench"),
    "http_message_signatures": ("controller.outbound.signing", "service"),
    "gpiozero": ("hardware",),
    "lgpio": ("hardware.pins",),
    "picamera2": ("hardware.cameras",),
    "libcamera": ("hardware.cameras",),
    "cv2": ("models", "hardware", "greenlane", "controller.watching.calibration"),
    "numpy": ("models", "hardware", "greenlane", "controller.watching.calibration"),
    "onnxruntime": ("models.engines", "models.training.integers"),
    "easyocr": ("models.engines",),
    "torch": ("models.training", "models.engines"),
    "fastapi": ("service", "station", "greenlane.living"),
    "sqlalchemy": ("service", "station", "greenlane.bench"),
    "alembic": ("service.store.engine.migrating", "service.migrations"),
    "tqdm": ("greenlane", "models.training"),
}
"""Library -> the modules (and all below them) that may import it."""

STANDARD_LIBRARY_ALONE = ("wire", "controller")
"""Packages that need nothing else, but for what HOMES gives a module of theirs."""


def modules() -> Iterator[tuple[str, Path]]:
    for package in ARROWS:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


@dataclass(frozen=True)
class Contents:
    """What the rules ask of a module."""

    imports: frozenset[str]
    at_once: frozenset[str]
    """What it imports before its own definitions exist: not within functions, nor for types alone."""
    functions: tuple[tuple[str, int], ...]
    """Line and name of each function, and how many lines it has."""


@functools.cache
def contents(path: Path) -> Contents:
    """What is in a module; its tree is not kept, as all trees together are a hundred megabytes."""
    tree = parsed(path)
    nodes = list(ast.walk(tree))
    return Contents(
        frozenset(name for node in nodes for name in _imported(node, path)),
        frozenset(name for node in tree.body for name in _imported_at_once(node)),
        tuple(
            (f"{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ),
    )


def _imported(node: ast.AST, path: Path) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    assert node.level == 0, f"{path}: relative import"
    module = node.module or ""
    return {f"{module}.{alias.name}" for alias in node.names} if _is_folder(module) else {module}


@functools.cache
def _is_folder(module: str) -> bool:
    return (ROOT / module.replace(".", "/")).is_dir()


def _imported_at_once(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    return {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}


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
    breaches = {target: why for target in sorted(contents(path).imports) if (why := breach(name, target))}
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


def test_no_module_needs_itself_to_be_imported() -> None:
    """Whichever module of a circle is imported first fails, and only there: `admin phone add` once did."""
    graph = {name: contents(path).at_once for name, path in modules()}
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


def _between_rooms() -> dict[str, dict[str, set[str]]]:
    """Folder -> room or file in it -> those beside it that it needs; within functions and for types counts too."""
    known = {name: path for name, path in modules() if not inside(name, "service.migrations")}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, path in known.items():
        for target in contents(path).imports:
            while target and target not in known:
                target = target.rpartition(".")[0]
            here, there = name.split("."), target.split(".")
            level = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), None)
            if target and level is not None:
                found[".".join(here[:level])][here[level]].add(there[level])
    return found


def _circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of more than one room in which each leads to each."""
    reached: dict[str, set[str]] = {}
    for room in graph:
        seen, todo = set[str](), [room]
        while todo:
            new = graph.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        reached[room] = seen
    both = {frozenset({b for b in reached[a] if a in reached.get(b, set())} | {a}) for a in graph}
    return [set(one) for one in both if len(one) > 1]


def test_rooms_need_one_another_one_way() -> None:
    """No circle between the folders and files of any folder."""
    found = {folder: circles for folder, graph in _between_rooms().items() if (circles := _circles(graph))}
    assert found == {}


def test_the_picture_of_the_services_rooms_is_true() -> None:
    """Every room is in it once, and needs only rooms further to the left."""
    page = (ROOT / "docs" / "decisions" / "rooms-of-the-service.md").read_text(encoding="utf-8")
    levels = [re.findall(r"\w+", level) for level in page.split("```")[1].split("<-")]
    height = {room: at for at, rooms in enumerate(levels) for room in rooms}
    rooms = {path.parent.name for path in (ROOT / "service").glob("*/__init__.py")} - {"migrations"}
    assert set(height) == rooms
    assert len(height) == sum(map(len, levels))
    needs = _between_rooms()["service"]
    assert not [(a, b) for a in rooms for b in needs[a] & rooms if height[b] >= height[a]]


def test_a_circle_between_rooms_is_seen() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert _circles({"a": {"b", "c"}, "b": {"c"}}) == []


def test_a_folder_holds_at_most_twenty_modules() -> None:
    many: dict[str, int] = defaultdict(int)
    for _, path in modules():
        many[str(path.parent.relative_to(ROOT))] += path.name != "__init__.py"
    del many["service/migrations/versions"]
    assert not {folder: count for folder, count in many.items() if count > 20}


def test_files_and_functions_stay_short() -> None:
    """400 lines a file, 40 a function, six in the middle; a migration is as long as its tables."""
    lengths: dict[str, int] = {}
    for name, path in modules():
        if inside(name, "service.migrations"):
            continue
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, name
        lengths.update({f"{name}:{where}": lines for where, lines in contents(path).functions})
    assert not {where: lines for where, lines in lengths.items() if lines > 40}
    assert statistics.median(lengths.values()) <= 6
