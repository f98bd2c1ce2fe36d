"""`python -m models.training second`: train, calibrate, export the second recogniser."""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from models.manifest import WEIGHTS_FOLDER
from models.training.commands.options import add_run
from models.training.data.realdata import data_folder
from models.training.recogniser.mixing import load_real_data
from models.training.second.export import calibrate, export, write_section
from models.training.second.train import SecondPlan, SecondTrainer, calibration_samples, figures

SMOKE = SecondPlan(steps=4, batch=6, ramp_steps=1, warmup_steps=2, save_every=3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser, SecondPlan.batch, SecondPlan.seed)
    parser.add_argument("--steps", type=int, default=SecondPlan.steps, help="batches in all (default: %(default)s)")
    parser.add_argument(
        "--rate", type=float, default=SecondPlan.learning_rate, help="highest rate (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Ends with second.onnx and its manifest section; 1 when there is no checkpoint to export."""
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    data = load_real_data(None if args.smoke else data_folder())
    print(f"real crops: {len(data.train)} to train, {len(data.calibration)} to calibrate", flush=True)
    given = {"batch": args.batch, "seed": args.seed, "learning_rate": args.rate, "minutes": args.minutes}
    plan = SMOKE if args.smoke else replace(SecondPlan(), steps=args.steps, **given)
    trainer = SecondTrainer(plan, data, args.out / "second.pt")
    if (args.resume or args.export_only) and not trainer.resume() and args.export_only:
        print(f"no checkpoint in {args.out}")
        return 1
    if not args.export_only:
        trainer.run()
    samples = calibration_samples(data.calibration)
    net = calibrate(trainer.average, samples)
    weights = (WEIGHTS_FOLDER if args.ship else (args.weights or args.out)) / "second.onnx"
    export(net, weights)
    recipe = f"python -m models.training second --steps {trainer.step} --batch {plan.batch} --seed {plan.seed}"
    write_section(net, weights, weights.with_name("manifest.json"), {"recipe": recipe, "steps_done": trainer.step})
    print(f"{weights} after {trainer.step} steps: {figures(net, samples)}")
    return 0
