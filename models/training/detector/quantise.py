"""Makes the variants of 8-bit integers of finder and refiner.

The first convolutions and the heads stay floats: the ones are slower in integers than in floats, the others' answers
span so much that integers would put a plate's corners off by a pixel of the finder's picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from onnx import NodeProto

from models.engines import FloatArray
from models.manifest import load_section, sha256_of, update_section
from models.training.integers import write_integers

INTEGERS = "integers"
"""The variant's name in the manifest (models/engines, VARIANTS)."""

HEADS = {"finder": ("/head/",), "refiner": ("/corners/corners.1/", "/Reshape", "/squeeze/", "/classes/")}
"""Network -> how the names of the nodes begin from which on it stays in floats: modules of
models/training/detector/net.py and what stands behind them."""


def kept_in_floats(heads: tuple[str, ...], nodes: Sequence[NodeProto]) -> list[str]:
    """Names of the nodes of a network that stay in floats: the first one, and its heads."""
    kept = [nodes[0].name]
    reached: set[str] = set()
    for node in nodes:
        if node.name.startswith(heads) or reached.intersection(node.input):
            kept.append(node.name)
            reached.update(node.output)
    return kept


def quantise(name: str, weights: Path, pictures: Iterator[FloatArray]) -> Path:
    """Write NAME.int8.onnx beside the network NAME in a folder, and into the manifest there.

    name: "finder" or "refiner". pictures: network inputs (1, 3, H, W) such as it will meet.
    """
    section = load_section("detector", weights / "manifest.json")
    path = weights / f"{name}.int8.onnx"
    write_integers(weights / section[name]["file"], path, pictures, partial(kept_in_floats, HEADS[name]))
    section[name]["variants"] = {INTEGERS: {"file": path.name, "sha256": sha256_of(path)}}
    update_section("detector", section, weights / "manifest.json")
    return path
