"""`python -m models.training evaluate`: figures of the shipped recogniser, through the engine that the lane uses."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.engines import load_network
from models.grammar import PlateKind
from models.manifest import MANIFEST, load_section, update_section
from models.recogniser import Recogniser
from models.training.evaluate import Judged, by_group, by_province, confusions, figures
from models.training.evaluate_page import write_page
from models.training.mixing import load_real_data
from models.training.realdata import Image, RealCrop, data_folder
from models.training.samples import blank_sample, drawn_with_text, plain_strip

DOCS = Path(__file__).resolve().parents[2] / "docs"
DRAWN_PER_KIND = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--engine", default="opencv")
    parser.add_argument("--json", type=Path, default=DOCS / "reader_figures.json", help="where all figures go")
    parser.add_argument("--page", type=Path, default=DOCS / "reader.md", help="the page whose tables are renewed")
    parser.add_argument("--gallery", type=Path, help="also write a picture of every error to this folder")
    parser.add_argument("--drawn", type=int, default=DRAWN_PER_KIND, help="drawn plates per kind")


def run(args: argparse.Namespace) -> int:
    """Real figures need the real pictures; without them only drawn plates are measured, and the page stays as it is."""
    cv2.setNumThreads(1)
    recogniser = open_recogniser(args.manifest, args.engine)
    data = load_real_data(data_folder())
    real = judge(recogniser, data.held_out)
    result: dict[str, Any] = {"engine": args.engine, "drawn": by_group(judge_drawn(recogniser, args.drawn))}
    result["blank_strips"] = judge_blanks(recogniser, data.grounds)
    if real:
        result |= {"all": figures(real), "sources": by_group(real), "provinces": by_province(real)}
        result["confusions"] = confusions(real)
        args.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        write_page(args.page, result)
        section = load_section("recogniser", args.manifest)
        update_section("recogniser", section | {"held_out": result["sources"]}, args.manifest)
    else:
        print("no real pictures: figures of drawn plates only")
    print(json.dumps(result, ensure_ascii=False, indent=1))
    if args.gallery:
        write_gallery(args.gallery, data.held_out, real)
    return 0


def open_recogniser(manifest: Path, engine: str) -> Recogniser:
    """The recogniser that a manifest describes; its weights lie beside it."""
    section = load_section("recogniser", manifest)
    weights = manifest.parent / section["file"]
    return Recogniser(load_network(engine, weights, section["sha256"]), section)


def judge(recogniser: Recogniser, crops: Sequence[RealCrop]) -> list[Judged]:
    """Read every crop and put the truth beside it; the group is the source."""
    reads = [recogniser.read([plain_strip(crop)])[0] for crop in crops]
    return [Judged(crop.text, read, crop.source) for crop, read in zip(crops, reads, strict=True)]


def judge_drawn(recogniser: Recogniser, per_kind: int, seed: int = 99) -> list[Judged]:
    """Fresh drawn and degraded plates of every kind; the group is the kind."""
    rng = np.random.default_rng(seed)
    judged = []
    for kind in PlateKind:
        for _ in range(per_kind):
            sample, text = drawn_with_text(rng, kind)
            judged.append(Judged(text, recogniser.read([sample.strip])[0], str(kind)))
    return judged


def judge_blanks(recogniser: Recogniser, grounds: Sequence[Image], count: int = 1000) -> dict[str, int]:
    """Strips that show no plate: how many of them nevertheless read as one with every sign above 0.9."""
    rng = np.random.default_rng(98)
    reads = [recogniser.read([blank_sample(rng, grounds).strip])[0] for _ in range(count)]
    full = [read for read in reads if len(read) >= 7]
    certain = sum(min(sign.probability for sign in read) >= 0.9 for read in full)
    return {"strips": count, "read_as_plate": len(full), "certain": certain}


def write_gallery(folder: Path, crops: Sequence[RealCrop], judged: Sequence[Judged]) -> None:
    """One enlarged strip per wrong read, named by source, truth, read and weakest probability."""
    folder.mkdir(parents=True, exist_ok=True)
    for crop, read in zip(crops, judged, strict=True):
        if not read.exact:
            strip = cv2.resize(plain_strip(crop), (512, 128), interpolation=cv2.INTER_CUBIC)
            name = f"{read.group}_{read.truth}_{read.text or 'nothing'}_{read.weakest:.2f}.png"
            (folder / name).write_bytes(cv2.imencode(".png", strip)[1].tobytes())
