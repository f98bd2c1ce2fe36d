"""`python -m models.training recogniser`: train, calibrate, export."""

from __future__ import annotations

import argparse
from dataclasses import replace

from models.manifest import WEIGHTS_FOLDER
from models.training.commands.options import above_zero, add_run, check_run, count, readable
from models.training.data.realdata import Image, data_folder
from models.training.recogniser.mixing import Mixer, RealData, load_real_data
from models.training.recogniser.plan import CONTINUED, RecogniserPlan, smoke_plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser, RecogniserPlan.batch, RecogniserPlan.seed)
    parser.add_argument(
        "--continue",
        dest="begin",
        type=readable,
        metavar="ONNX",
        help="begin with these weights, such as the shipped ones",
    )
    parser.add_argument("--steps", type=count, help="batches in all (default: 6000, or 10000 with --continue)")
    parser.add_argument(
        "--rate", type=above_zero, help="highest learning rate (default: 0.0025, or 0.0015 with --continue)"
    )


def run(args: argparse.Namespace) -> int:
    """Ends with recogniser.onnx and its manifest section; 1 when there is no checkpoint to export."""
    check_run(args)
    import torch

    from models.training.recogniser.export import calibrate, calibration_samples, export, write_section
    from models.training.recogniser.start import load_shipped
    from models.training.recogniser.train import Trainer

    torch.set_num_threads(args.threads)
    folder = None if args.smoke else data_folder()
    data = load_real_data(folder)
    print(
        f"real crops: {len(data.train)} to train, {len(data.calibration)} to calibrate, {len(data.held_out)} held out"
    )
    base = CONTINUED if args.begin else RecogniserPlan()
    rate = args.rate or base.learning_rate
    given = {"batch": args.batch, "seed": args.seed, "learning_rate": rate, "minutes": args.minutes}
    plan = replace(base, steps=args.steps or base.steps, **given)
    begin = load_shipped(args.begin, sample_strips(data, args.seed)) if args.begin else None
    trainer = Trainer(smoke_plan(plan) if args.smoke else plan, data, args.out / "recogniser.pt", begin)
    if (args.resume or args.export_only) and not trainer.resume() and args.export_only:
        print(f"no checkpoint in {args.out}")
        return 1
    if not args.export_only:
        trainer.run()
    net = calibrate(trainer.average, calibration_samples(data.calibration))
    target = WEIGHTS_FOLDER if args.ship else (args.weights or args.out)
    export(net, target / "recogniser.onnx")
    begun = f" --continue {args.begin.name} --rate {trainer.plan.learning_rate:g}" if args.begin else ""
    recipe = f"python -m models.training recogniser{begun} --steps {trainer.step} --batch {trainer.plan.batch}"
    facts = {"recipe": f"{recipe} --seed {trainer.plan.seed}", "steps_done": trainer.step}
    write_section(net, target / "recogniser.onnx", target / "manifest.json", facts)
    print(f"{target / 'recogniser.onnx'} after {trainer.step} steps")
    return 0


def sample_strips(data: RealData, seed: int, count: int = 512) -> list[Image]:
    """Strips as training shows them."""
    mixer = Mixer(data.train, data.grounds, seed)
    return [sample.strip for sample in mixer.batch(count, CONTINUED.real_share)]
