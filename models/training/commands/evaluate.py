"""`python -m models.training evaluate`: figures of the shipped recogniser, through the engine that the lane uses."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from models.engines import DEFAULT_ENGINE, load_network
from models.grammar import PlateKind, kind_of
from models.manifest import MANIFEST, load_section, named_weights, update_section
from models.recogniser import Recogniser
from models.training.commands.options import count
from models.training.data.realdata import RealCrop, data_folder, load_scene_grounds
from models.training.evaluation.counts import (
    BLURS_PX,
    TILTS_DEGREES,
    WIDTHS_PX,
    Judged,
    by_band,
    by_group,
    by_province,
    calibration_error,
    confusions,
    figures,
    reliability,
)
from models.training.evaluation.gallery import write_gallery
from models.training.evaluation.page import (
    DOCS,
    FIGURES,
    PAGE,
    RESULTS,
    add_results,
    check_page,
    check_results,
    page_part,
    rounded,
    write_part,
)
from models.training.evaluation.pictures import write_pictures
from models.training.evaluation.reads import (
    condition_measures,
    judge,
    judge_blanks,
    judge_drawn,
    judge_like,
    judge_shrunk,
    judge_stress,
)
from models.training.evaluation.visits import (
    CROP_SEED,
    by_province_limit,
    crop_visits,
    drawn_visits,
    lane_rules,
    trade_off,
)
from models.training.recogniser.mixing import load_real_data
from wire.outputs import check_file, check_folder

DRAWN_PER_KIND = 200
SOURCES = ("ccpd", "easypr")
"""Crops whose labels people made, and to whose training part drawn plates are fitted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--engine", default=DEFAULT_ENGINE)
    parser.add_argument("--json", type=Path, default=RESULTS, help="where all figures go")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page whose tables are renewed")
    parser.add_argument("--pictures", type=Path, default=DOCS / "pictures", help="folder of the diagrams")
    parser.add_argument("--gallery", type=Path, help="also write a page with every held-out error to this folder")
    parser.add_argument("--drawn", type=count, default=DRAWN_PER_KIND, help="drawn plates per kind")
    parser.add_argument("--rounds", type=count, default=1, help="how often visits are simulated, each time anew")


def run(args: argparse.Namespace) -> int:
    """Real figures need the real pictures; without them only drawn plates are measured, and the page stays as it is."""
    cv2.setNumThreads(1)
    recogniser = open_recogniser(args.manifest, args.engine)
    folder = data_folder()
    if folder:
        check_outputs(args)
    data = load_real_data(folder)
    grounds = load_scene_grounds(folder, held_out=True) if folder else []
    drawn, result = drawn_figures(recogniser, args.drawn)
    result |= {"engine": args.engine, "blank_strips": judge_blanks(recogniser, grounds, 5 * args.drawn)}
    if data.held_out:
        real = judge(recogniser, data.held_out)
        result |= real_figures(recogniser, data.held_out, real)
        result["visits"] = visit_figures(recogniser, data.held_out, max(args.drawn // 4, 1), args.rounds)
        result["reliability"] = {"Real crops": calibration(real), "Drawn, all kinds": calibration(drawn)}
        publish(args, result, [crop for crop in (*data.train, *data.calibration) if crop.source in SOURCES])
        if args.gallery:
            print(write_gallery(args.gallery, data.held_out, real), "errors ->", args.gallery / "index.html")
    else:
        print("no real pictures: figures of drawn plates only")
    print(summary(result))
    return 0


def check_outputs(args: argparse.Namespace) -> None:
    """Whether everything can be written that the figures of real pictures go into. Raises OutputError."""
    check_page(args.page)
    check_results(args.json)
    check_file("--manifest", args.manifest)
    check_folder("--pictures", args.pictures)
    if args.gallery:
        check_folder("--gallery", args.gallery)


def publish(args: argparse.Namespace, result: dict[str, Any], training_crops: list[RealCrop]) -> None:
    """Write the figures to their file, the page, the diagrams and the manifest."""
    add_results(args.json, result)
    write_pictures(args.pictures, result, condition_measures(training_crops))
    pictures = os.path.relpath(args.pictures, args.page.parent)
    write_part(args.page, FIGURES, page_part(result, pictures))
    section = load_section("recogniser", args.manifest)
    update_section("recogniser", section | {"held_out": rounded(result["sources"])}, args.manifest)


def summary(result: dict[str, Any]) -> str:
    """Share read exactly of every group, a line each."""
    groups = {"real crops": result.get("all", {"plates": 0}), **result.get("sources", {}), **result["drawn"]}
    shown = {name if name != "all" else "drawn plates": row for name, row in groups.items() if row["plates"]}
    return "\n".join(f"{name:22} {row['exact']:7.2%} of {row['plates']}" for name, row in shown.items())


def open_recogniser(manifest: Path, engine: str) -> Recogniser:
    """The recogniser that a manifest describes; its weights lie beside it."""
    section = load_section("recogniser", manifest)
    return Recogniser(load_network(engine, *named_weights(section, manifest.parent)), section)


def drawn_figures(recogniser: Recogniser, per_kind: int) -> tuple[list[Judged], dict[str, Any]]:
    """Every kind under the conditions of real crops, with the reads, and under training's own degradation."""
    drawn, stress = judge_drawn(recogniser, per_kind), judge_stress(recogniser, max(per_kind // 2, 1))
    return drawn, {
        "drawn": {"all": figures(drawn), **by_group(drawn)},
        "drawn_confusions": confusions(drawn),
        "stress": {"all": figures(stress), **by_group(stress)},
    }


def real_figures(recogniser: Recogniser, held_out: Sequence[RealCrop], real: Sequence[Judged]) -> dict[str, Any]:
    """Held-out real crops by source, province, width, blur and tilt, and drawn twins of them."""
    twins = [crop for crop in held_out if crop.source in SOURCES and kind_of(crop.text) == PlateKind.BLUE]
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
        "twins": by_group(judge_like(recogniser, twins, 3)),
    }


def visit_figures(recogniser: Recogniser, held_out: Sequence[RealCrop], per_kind: int, rounds: int) -> dict[str, Any]:
    """Trade-off of simulated visits: of held-out crops, once a round, and of per_kind drawn plates a round."""
    crops = [visit for number in range(rounds) for visit in crop_visits(recogniser, held_out, CROP_SEED + number)]
    drawn = drawn_visits(recogniser, per_kind * rounds)
    province = {"crops": by_province_limit(crops), "drawn": by_province_limit(drawn)}
    return {"lane": lane_rules(), "crops": trade_off(crops), "drawn": trade_off(drawn), "province": province}


def calibration(judged: Sequence[Judged]) -> dict[str, Any]:
    """The bins of the reliability diagram and the error they make."""
    return {"calibration_error": calibration_error(judged), "bins": reliability(judged)}


def blur_of(read: Judged) -> float:
    """Blur in pixels of a plate 128 wide; only for measured reads."""
    assert read.measures is not None
    return read.measures.blur_px


def tilt_of(read: Judged) -> float:
    """Tilt to either side in degrees; only for measured reads."""
    assert read.measures is not None
    return abs(read.measures.tilt_degrees)
