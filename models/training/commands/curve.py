"""`python -m models.training curve`: what more real crops and a larger network bring, from short runs side by side."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.training.commands.options import count
from models.training.data.holdout import is_in_part
from models.training.data.realdata import data_folder
from models.training.evaluation.counts import by_group, figures
from models.training.evaluation.page import (
    CURVE,
    METHOD,
    RESULTS,
    add_results,
    check_page,
    check_results,
    percent,
    table,
    write_part,
)
from models.training.evaluation.reads import judge, judge_drawn
from models.training.recogniser.mixing import SOURCE_SHARES, RealData, load_real_data
from models.training.recogniser.plan import RecogniserPlan, smoke_plan
from wire.outputs import check_folder


@dataclass(frozen=True)
class Point:
    """One run. part: share of the real crops that it may learn from, by plate. width: of the shipped channels."""

    part: float
    width: float

    @property
    def name(self) -> str:
        return f"part-{self.part:g}-width-{self.width:g}"


POINTS = (Point(0, 1), Point(0.25, 1), Point(0.5, 1), Point(1, 1), Point(1, 0.5))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder for a checkpoint per run; finished ones stay")
    parser.add_argument("--steps", type=count, default=2000, help="batches of each run (default: %(default)s)")
    parser.add_argument("--drawn", type=count, default=60, help="drawn plates of each kind (default: %(default)s)")
    parser.add_argument("--page", type=Path, default=METHOD, help="the page whose part is renewed")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where all figures are kept")
    parser.add_argument("--smoke", action="store_true", help="every run within seconds, on drawn plates alone")


def run(args: argparse.Namespace) -> int:
    """Trains what is not trained yet, one run after another, and writes the table."""
    check_folder("--out", args.out)
    check_page(args.page)
    check_results(args.json)
    import torch

    torch.set_num_threads(1)
    data = load_real_data(None if args.smoke else data_folder())
    plan = replace(RecogniserPlan(), steps=args.steps, drawn_steps=min(RecogniserPlan.drawn_steps, args.steps // 4))
    rows = [measured(point, smoke_plan(plan) if args.smoke else plan, data, args) for point in POINTS]
    add_results(args.json, {CURVE: rows})
    write_part(args.page, CURVE, markdown(rows))
    print(markdown(rows))
    return 0


def measured(point: Point, plan: RecogniserPlan, data: RealData, args: argparse.Namespace) -> dict[str, Any]:
    """One row: how large, learnt from how many crops, and what of the held-out part and of drawn plates is exact."""
    from models.training.recogniser.eval import TrainedReader
    from models.training.recogniser.net import RecogniserNet
    from models.training.recogniser.train import Trainer

    part = replace(data, train=tuple(crop for crop in data.train if is_in_part(crop.text, point.part)))
    folder = args.out / point.name
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(plan, part, folder / "recogniser.pt", RecogniserNet(widths_of(point.width)))
    trainer.resume()
    trainer.run()
    reader = TrainedReader(trainer.average)
    real = by_group(judge(reader, data.held_out))
    return {
        "crops": len(part.train),
        "width": point.width,
        "parameters": sum(parameter.numel() for parameter in trainer.net.parameters()),
        "batches": trainer.step,
        "exact": {source: real[source]["exact"] for source in SOURCE_SHARES if source in real},
        "drawn": figures(judge_drawn(reader, args.drawn))["exact"],
    }


def widths_of(factor: float) -> tuple[int, int, int]:
    """The shipped network's channels times a factor, in eights."""
    from models.training.recogniser.net import WIDTHS

    first, second, third = (max(8, round(width * factor / 8) * 8) for width in WIDTHS)
    return first, second, third


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The table of all runs."""
    heads = ("real crops learnt from", "channels", "parameters", "batches", *SOURCE_SHARES, "drawn, all kinds")
    return table(
        heads,
        [
            (
                row["crops"],
                f"{row['width']:g}",
                f"{row['parameters']:,}",
                row["batches"],
                *(percent(row["exact"][source]) if source in row["exact"] else "" for source in SOURCE_SHARES),
                percent(row["drawn"]),
            )
            for row in rows
        ],
    )
