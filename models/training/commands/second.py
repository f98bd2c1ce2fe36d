"""`python -m models.training second`: train, calibrate, export the second recogniser."""

from __future__ import annotations

import argparse
from dataclasses import replace

from models.manifest import WEIGHTS_FOLDER
from models.rectify import Image
from models.training.commands.options import above_zero, add_run, check_run, count, readable
from models.training.data.realdata import data_folder
from models.training.recogniser.mixing import RealData, load_real_data
from models.training.second.plan import SMOKE, SecondPlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser, SecondPlan.batch, SecondPlan.seed)
    parser.add_argument(
        "--continue",
        dest="begin",
        type=readable,
        metavar="ONNX",
        help="begin with these weights, such as the shipped ones",
    )
    parser.add_argument("--steps", type=count, default=SecondPlan.steps, help="batches in all (default: %(default)s)")
    parser.add_argument(
        "--rate", type=above_zero, default=SecondPlan.learning_rate, help="highest rate (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Ends with second.onnx and its manifest section; 1 when there is no checkpoint to export."""
    check_run(args)
    import torch

    from models.training.second.export import calibrate, export, write_section
    from models.training.second.start import load_shipped
    from models.training.second.train import SecondTrainer, calibration_samples, figures

    torch.set_num_threads(args.threads)
    data = load_real_data(None if args.smoke else data_folder())
    print(f"real crops: {len(data.train)} to train, {len(data.calibration)} to calibrate", flush=True)
    given = {"batch": args.batch, "seed": args.seed, "learning_rate": args.rate, "minutes": args.minutes}
    plan = SMOKE if args.smoke else replace(SecondPlan(), steps=args.steps, **given)
    if args.begin:
        plan = replace(plan, ramp_steps=1)
    begin = load_shipped(args.begin, sample_strips(data, plan)) if args.begin else None
    trainer = SecondTrainer(plan, data, args.out / "second.pt", begin)
    if (args.resume or args.export_only) and not trainer.resume() and args.export_only:
        print(f"no checkpoint in {args.out}")
        return 1
    if not args.export_only:
        trainer.run()
    samples = calibration_samples(data.calibration)
    net = calibrate(trainer.average, samples)
    weights = (WEIGHTS_FOLDER if args.ship else (args.weights or args.out)) / "second.onnx"
    export(net, weights)
    begun = f" --continue {args.begin.name} --rate {plan.learning_rate:g}" if args.begin else ""
    recipe = f"python -m models.training second{begun} --steps {trainer.step} --batch {plan.batch} --seed {plan.seed}"
    write_section(net, weights, weights.with_name("manifest.json"), {"recipe": recipe, "steps_done": trainer.step})
    print(f"{weights} after {trainer.step} steps: {figures(net, samples)}")
    return 0


def sample_strips(data: RealData, plan: SecondPlan, count: int = 512) -> list[Image]:
    """Strips as training shows them."""
    from models.training.second.train import SecondMixer

    return [sample.strip for sample in SecondMixer(data, plan.seed).batch(count, plan.real_share)]
