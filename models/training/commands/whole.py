"""`python -m models.training whole`: train, calibrate, export the judge of wholeness."""

from __future__ import annotations

import argparse
from dataclasses import replace

from models.build import build_detector
from models.manifest import WEIGHTS_FOLDER
from models.training.commands.options import add_run, check_run, count
from models.training.data.more import load_more_scenes
from models.training.data.realdata import data_folder
from models.training.data.scenes import Scene, load_scenes
from models.training.recogniser.mixing import load_real_data
from models.training.whole.plan import SMOKE, WholePlan

CALIBRATION_ROUNDS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser, WholePlan.batch, WholePlan.seed)
    parser.add_argument("--steps", type=count, default=WholePlan.steps, help="batches in all (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=count, default=WholePlan.rounds, help="views of every plate beforehand (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Ends with whole.onnx and its manifest section; 1 when there is no checkpoint to export."""
    check_run(args)
    import torch

    from models.training.whole.export import export, write_section
    from models.training.whole.train import Bank, WholeTrainer, figures, made, plates_of, shift_for

    torch.set_num_threads(args.threads)
    folder = None if args.smoke else data_folder()
    given = {"batch": args.batch, "seed": args.seed, "minutes": args.minutes}
    plan = SMOKE if args.smoke else replace(WholePlan(), steps=args.steps, rounds=args.rounds, **given)
    trainer = WholeTrainer(plan, args.out / "whole.pt")
    if (args.resume or args.export_only) and not trainer.resume() and args.export_only:
        print(f"no checkpoint in {args.out}")
        return 1
    data, detector = load_real_data(folder), build_detector()
    scenes: list[Scene] = [] if folder is None else load_scenes(folder, False) + load_more_scenes(folder, False)
    few = replace(plan, rounds=min(plan.rounds, CALIBRATION_ROUNDS))
    calibration = Bank.kept(
        args.out / "calibration.npz", lambda: made(few, detector, plates_of(scenes, True), data, calibration=True)
    )
    if not args.export_only:
        trainer.run(
            Bank.kept(args.out / "training.npz", lambda: made(plan, detector, plates_of(scenes, False), data, False)),
            calibration,
        )
    net = trainer.average
    net.shift.fill_(shift_for(net, calibration))
    weights = (WEIGHTS_FOLDER if args.ship else (args.weights or args.out)) / "whole.onnx"
    export(net, weights)
    recipe = f"python -m models.training whole --steps {trainer.step} --rounds {plan.rounds} --seed {plan.seed}"
    write_section(net, weights, weights.with_name("manifest.json"), {"recipe": recipe, "steps_done": trainer.step})
    print(f"{weights} after {trainer.step} steps: {figures(net, calibration)}")
    return 0
