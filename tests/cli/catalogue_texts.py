"""The texts that people may read, taken from the sources: what the catalogue has to hold."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

from greenlane import cli

ROOT = Path(__file__).resolve().parents[2]

CHECKS = (
    "greenlane/cli/doctor_checks.py",
    "greenlane/cli/doctor_service.py",
    "greenlane/cli/calibrate_run.py",
    "controller/watching/calibration.py",
    "controller/watching/vote.py",
    "greenlane/report/explanation.py",
)
"""Modules whose texts are read by who checks a machine, sets a camera up or asks why a lamp was red."""

SAME = re.compile(
    r"Python .*|OpenCV .*|FFMPEG: .*|, frames .*| chip .*| and .*others|red: .*|[^a-z]*UTC|[^a-z]*px| *"
    r"|greenlane (admin )?enrol .*|systemctl .*|apt-get .*|ahead of|px (high|wide)|of full range"
    r"|\{0\} times|\{0\} \(\{1\} s\)|\{0\} is \{1\}|this unit's clock is \{0\} s \{1\} .*|(\{\d\}|[^\w{}])+"
)
"""Commands, names and parts of a larger text that has its own entry."""

ERRORS = (
    "controller/settings.py",
    "controller/outbound/connections.py",
    "controller/outbound/folder_lock.py",
    "controller/outbound/http.py",
    "controller/outbound/statefile.py",
    "greenlane/cli",
    "greenlane/installation",
    "greenlane/wiring.py",
    "hardware",
    "service/admin.py",
    "service/listening.py",
    "service/server.py",
    "service/store",
    "station/settings.py",
)
"""Files and folders whose errors the program prints."""


def template(node: ast.expr) -> str | None:
    """The text of a literal, with {0} {1} where an f-string fills something in; None for what is not literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        places = iter(range(len(node.values)))
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{next(places)}}}" for part in node.values
        )
    return None


def of_checks() -> Iterator[str]:
    """Every text with a word in it of the modules that check."""
    for name in CHECKS:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        parts = {id(p) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for p in ast.walk(n) if p is not n}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docs | parts:
                text = template(node)
                if text and " " in text.strip() and not SAME.fullmatch(text):
                    yield text
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check":
                yield from filter(None, [template(node.args[0])])


def of_errors() -> Iterator[str]:
    """Every text that is raised in the modules whose errors are printed."""
    for name in ERRORS:
        place = ROOT / name
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    texts = [template(argument) for argument in node.exc.args]
                    yield from (text for text in texts if text and " " in text and not SAME.fullmatch(text))


def of_results() -> Iterator[str]:
    """Heads of the admin commands' tables, and what is said in the very call that shows a result."""
    for file in sorted((ROOT / "greenlane/cli/admin").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "heads":
                yield from filter(None, map(template, getattr(node.value, "elts", [])))
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if not isinstance(node, ast.Call):
                continue
            if name == "table" and isinstance(node.args[0], ast.Tuple):
                yield from filter(None, map(template, node.args[0].elts))
            elif name == "show" and len(node.args) > 1:
                text = template(node.args[-1])
                yield from [text] if text and " " in text and not SAME.fullmatch(text) else []


def of_argparse() -> Iterator[str]:
    """What argparse itself says to people, not to who writes a program."""
    spoken = re.compile(
        r"usage|positional|options$|show |unrecog|ambig|invalid choice|expected|the follow|one of the arg"
    )
    for node in ast.walk(ast.parse(Path(argparse.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "ngettext"):
            yield from (
                text
                for a in node.args
                if (text := template(a)) and spoken.match(text) and text != "expected %s argument"
            )


def of_parsers() -> Iterator[str]:
    """Descriptions, epilogs, helps and titles of every command and its commands."""
    for name in cli.COMMANDS:
        yield from _of_parser(cli._parser([name]))


def _of_parser(parser: argparse.ArgumentParser) -> Iterator[str]:
    groups = [group.title for group in parser._action_groups]
    epilog = re.sub(r"^example:\n  greenlane .*", "example:", parser.epilog or "")
    yield from (text for text in (parser.description, epilog, *groups) if text)
    for action in parser._actions:
        yield from [action.help] if action.help and action.help != argparse.SUPPRESS else []
        if isinstance(action, argparse._SubParsersAction):
            for sub in {id(sub): sub for sub in action.choices.values()}.values():
                yield from _of_parser(sub)
