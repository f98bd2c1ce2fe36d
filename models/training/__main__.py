"""`python -m models.training COMMAND`: the recipes that make and judge the networks."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from wire.errors import GreenlaneError

COMMANDS: dict[str, tuple[str, str]] = {
    "glyphs": ("models.training.commands.glyphs", "learn the character masks from real crops and public fonts"),
    "recogniser": ("models.training.commands.recogniser", "train, calibrate and export the recogniser"),
    "second": ("models.training.commands.second", "train, calibrate and export the second recogniser"),
    "whole": ("models.training.commands.whole", "train, calibrate and export the judge of wholeness"),
    "integers": ("models.training.commands.integers", "the networks that doubt in 8-bit integers"),
    "opinion": ("models.training.commands.opinion", "measure what the second recogniser stops and costs"),
    "visits": ("models.training.commands.visits", "how many simulated visits are answered, and how many wrongly"),
    "curve": ("models.training.commands.curve", "what more crops and channels bring, from short runs"),
    "evaluate": ("models.training.commands.evaluate", "measure the shipped recogniser on held-out real crops"),
    "conditions": ("models.training.commands.conditions", "fit drawn plates' degradation to real crops"),
    "corners": ("models.training.commands.corners", "corners for real plates that are labelled with boxes"),
    "detector": ("models.training.commands.detector", "train and export the detector"),
    "goals": ("models.training.commands.goals", "each of the reader's goals beside what is reached"),
    "finding": ("models.training.commands.finding", "how many plates are found at which size, at what cost"),
    "slants": ("models.training.commands.slants", "how many plates are found and read at a slant to the camera"),
    "evaluate-scenes": ("models.training.commands.evaluate_scenes", "measure the shipped reader on held-out scenes"),
}
"""Command -> module with add_arguments(parser) and run(args) -> exit status, and its line of help."""


LIBRARIES = ("torch", "onnx", "onnxruntime", "PIL")
"""What the extra `training` brings; --help needs none of them."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit status, 1 for an error, which is told in one line."""
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    choices = parser.add_subparsers(dest="command", required=True)
    given = sys.argv[1:] if arguments is None else arguments
    for name, (module, line) in COMMANDS.items():
        command = choices.add_parser(name, help=line, description=line)
        if given and given[0] == name:
            import_module(module).add_arguments(command)
    args = parser.parse_args(given)
    try:
        return int(import_module(COMMANDS[args.command][0]).run(args))
    except GreenlaneError as error:
        print(f"models.training {args.command}: {error}", file=sys.stderr)
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        how = f"{sys.prefix}/bin/pip install 'greenlane[training]'"
        print(f"models.training {args.command}: {error.name} is not installed: {how}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
