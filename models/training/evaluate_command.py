"""`python -m models.training evaluate`: figures of the shipped recogniser, through the engine that the lane uses."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2

from models.engines import load_network
from models.grammar import PlateKind, kind_of
from models.manifest import MANIFEST, load_section, update_section
from models.recogniser import Recogniser
from models.training.evaluate import (
    BLURS_PX,
    TILTS_DEGREES,
    WIDTHS_PX,
    Judged,
    by_band,
    by_group,
    by_province,
    confusions,
    figures,
)
from models.training.evaluate_page import FIGURES, crop_tables, drawn_tables, write_part
from models.training.evaluate_reads import judge, judge_blanks, judge_drawn, judge_like, judge_shrunk, judge_stress
from models.training.mixing import load_real_data
from models.training.realdata import RealCrop, data_folder, load_scene_grounds

DOCS = Path(__file__).resolve().parents[2] / "docs"
DRAWN_PER_KIND = 200
BLANKS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--engine", default="opencv")
    parser.add_argument("--json", type=Path, default=DOCS / "reader_figures.json", help="where all figures go")
    parser.add_argument("--page", type=Path, default=DOCS / "reader.md", help="the page whose tables are renewed")
    parser.add_argument("--drawn", type=int, default=DRAWN_PER_KIND, help="drawn plates per kind")


def run(args: argparse.Namespace) -> int:
    """Real figures need the real pictures; without them only drawn plates are measured, and the page stays as it is."""
    cv2.setNumThreads(1)
    recogniser = open_recogniser(args.manifest, args.engine)
    folder = data_folder()
    held_out = load_real_data(folder).held_out
    grounds = load_scene_grounds(folder, held_out=True) if folder else []
    result: dict[str, Any] = {"engine": args.engine}
    result |= drawn_figures(recogniser, args.drawn)
    result["blank_strips"] = judge_blanks(recogniser, grounds, 5 * args.drawn)
    if held_out:
        result |= real_figures(recogniser, held_out)
        args.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        write_part(args.page, FIGURES, f"{crop_tables(result)}\n\n{drawn_tables(result)}")
        section = load_section("recogniser", args.manifest)
        update_section("recogniser", section | {"held_out": result["sources"]}, args.manifest)
    else:
        print("no real pictures: figures of drawn plates only")
    print(json.dumps(result, ensure_ascii=False, indent=1))
    return 0


def open_recogniser(manifest: Path, engine: str) -> Recogniser:
    """The recogniser that a manifest describes; its weights lie beside it."""
    section = load_section("recogniser", manifest)
    weights = manifest.parent / section["file"]
    return Recogniser(load_network(engine, weights, section["sha256"]), section)


def drawn_figures(recogniser: Recogniser, per_kind: int) -> dict[str, Any]:
    """Every kind under the conditions of real crops, and under training's own degradation."""
    drawn, stress = judge_drawn(recogniser, per_kind), judge_stress(recogniser, per_kind // 2)
    return {
        "drawn": {"all": figures(drawn), **by_group(drawn)},
        "drawn_confusions": confusions(drawn),
        "stress": {"all": figures(stress), **by_group(stress)},
    }


def real_figures(recogniser: Recogniser, held_out: tuple[RealCrop, ...]) -> dict[str, Any]:
    """Held-out real crops by source, province, width, blur and tilt, and drawn twins of them."""
    real = judge(recogniser, held_out)
    checked = [crop for crop in held_out if crop.source in ("ccpd", "easypr") and kind_of(crop.text) == PlateKind.BLUE]
    measured = [read for read in real if read.measures is not None]
    return {
        "all": figures(real),
        "sources": by_group(real),
        "provinces": by_province(real),
        "confusions": confusions(real),
        "widths": by_band([read for read in real if read.group == "scene"], lambda read: read.width_px, WIDTHS_PX),
        "shrunk": by_group(judge_shrunk(recogniser, held_out)),
        "blurs": by_band(measured, blur_of, BLURS_PX),
        "tilts": by_band(measured, tilt_of, TILTS_DEGREES),
        "twins": by_group(judge_like(recogniser, checked, 3)),
    }


def blur_of(read: Judged) -> float:
    """Blur in pixels of a plate 128 wide; only for measured reads."""
    assert read.measures is not None
    return read.measures.blur_px


def tilt_of(read: Judged) -> float:
    """Tilt to either side in degrees; only for measured reads."""
    assert read.measures is not None
    return abs(read.measures.tilt_degrees)
