"""The `greenlane` command: a table of subcommands, each imported only when it is called for."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import greenlane
from greenlane import language
from greenlane.cli.examples import add_examples
from greenlane.cli.options import escaped
from greenlane.language import tr
from wire.errors import GreenlaneError

COMMANDS = {
    "simulate": "play recorded video through the whole system and show every visit",
    "demo": "a live system to try: every page, a pump and a phone, from one command",
    "read": "read the plates in pictures",
    "run": "run the lane unit, as the boot service does",
    "service": "run the balance service",
    "station": "run a station's central control",
    "admin": "cards, plates, money and devices",
    "enrol": "give this device a key and make it known to the balance service",
    "calibrate": "set a lane up: region, plate size, sharpness, lamp",
    "doctor": "check this machine and its lane, and say what to do",
    "install": "install the lane unit, the service or a central control as a boot service",
    "uninstall": "take that boot service away; settings, books and keys stay",
    "explain": "tell why a visit was green or red",
    "outbox": "messages that wait for the balance service, and those that it refused",
    "replay": "run the frames of a recorded visit through today's reader",
    "bench": "measure speed and memory on this machine",
}
"""Every subcommand and its one line of help.

The module greenlane.cli.NAME (greenlane.bench for bench) has add_arguments(parser) and run(args) -> int.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status is 0 when all went well, 1 when something failed, 2 for wrong usage."""
    _print_any_name()
    spoken, words = language.chosen(sys.argv[1:] if argv is None else argv, os.environ)
    language.speak(spoken)
    parser = _parser(words)
    args = parser.parse_args(words)
    try:
        return int(args.module.run(args))
    except GreenlaneError as error:
        _tell(args, tr(str(error)))
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _tell(args, f"{where}{tr(error.strerror or str(error))}")
        return 1
    except KeyboardInterrupt:
        return 130


def _tell(args: argparse.Namespace, error: str) -> None:
    """What is wrong, which may quote a file, its name or another machine: nothing of that steers the terminal."""
    lines = "\n".join(escaped(line) for line in error.split("\n"))
    print(f"greenlane {args.command}: {lines}", file=sys.stderr)


def _print_any_name() -> None:
    """A file's name may hold bytes that are not text: they are shown as \\udcff."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = language.Parser(
        prog="greenlane", description="Reads the plate at the pump, asks the balance service, lights green or red."
    )
    parser.add_argument("--version", action="version", version=f"greenlane {greenlane.__version__}")
    parser.add_argument("--lang", choices=language.LANGUAGES, help="language of this program (default: by LANG)")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((w for w in words if not w.startswith("-")), None)
    for name, summary in COMMANDS.items():
        sub = subparsers.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == wanted:
            module = module_of(name)
            module.add_arguments(sub)
            sub.set_defaults(module=module)
            add_examples(sub, (name,))
    return parser


def module_of(name: str) -> ModuleType:
    """The module that adds this command's arguments and runs it."""
    return importlib.import_module("greenlane.bench" if name == "bench" else f"greenlane.cli.{name}")
