"""The texts that people may read, taken from the sources: what the catalogue has to hold."""

from __future__ import annotations

import argparse
import ast
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from greenlane import cli
from service.books.records import AccountKind, State, TransferKind, TransferPhase
from service.payers.proposals import CONFIRMED, REFUSED, WITHDRAWN
from service.payments.port import PaymentOutcome
from service.reports.proofs import trail
from service.reports.proofs.file import expected_of_sqlite
from tests.sources import parsed
from wire.live import OrderKind
from wire.payers import ChargeState
from wire.reasons import Verdict

ROOT = Path(__file__).resolve().parents[2]

SPEAKING = (
    "controller/watching/calibration.py",
    "controller/watching/vote.py",
    "greenlane/cli",
    "greenlane/report",
    "greenlane/simulation/cast.py",
)
"""Modules and folders whose every text people read, but what QUIET says."""

QUIET = {
    "greenlane/cli/examples.py": "commands as typed; its help is found in the parsers",
    "greenlane/report/charge_diagram.py": "draws a picture of docs/, which names states by their codes",
}

NOT_PRINTED = {
    "AccessRefused": "answers a browser or a program; service/identity/error_pages.py words it for people",
    "BenchError": "measurements are for developers and docs/, in English",
    "BodyRefused": "answers a phone's page, which words it",
    "CounterRefused": "bears its Chinese itself",
    "Forged": "answers a payment provider",
    "FormRefused": "answers a form, whose page words it",
    "LedgerError": "a fault of the program, for who mends it",
    "MalformedXml": "answers a payment provider",
    "NotSigned": "answers a phone's page, which words it",
    "SignatureRefused": "answers a device",
    "TokenRefused": "answers a tracker",
    "WireError": "answers a program",
}
"""Errors that no command prints to people, and why."""

SAME = re.compile(
    r"greenlane( \w+| \{0\})?: .*|greenlane \{0\}| --\w+ \S+|region = .*|set /etc.*|uid \{0\}|.*viewBox.*|, OpenCV .*"
    r"|Python .*|OpenCV .*|FFMPEG: .*|, frames .*| chip .*| and .*others|red: .*|[^a-z]*UTC|[^a-z]*px| *"
    r"|greenlane (admin )?enrol .*|systemctl .*|apt-get .*|ahead of|px (high|wide)|of full range"
    r"|books: .*|deeds: .*|flags: .*"
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
    "service/admin",
    "service/books/rows/sealing.py",
    "service/listening.py",
    "service/mileage",
    "service/payer_rules/periods.py",
    "service/server.py",
    "service/store",
    "station/settings.py",
    "wire/money.py",
    "wire/spelling",
    "wire/outputs.py",
    "wire/plates.py",
)
"""Files and folders whose errors the program prints."""


WORD = re.compile(r"[A-Za-z]{2}")


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


def paths(*places: str) -> Iterator[Path]:
    """The modules of these files and folders, but what QUIET names."""
    for place in (ROOT / name for name in places):
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            if str(file.relative_to(ROOT)) not in QUIET:
                yield file


def files(*places: str, having: Iterable[str] = ("",)) -> Iterator[tuple[Path, ast.Module]]:
    """Those in whose text one of these words stands, each with its tree."""
    for file in paths(*places):
        text = file.read_text(encoding="utf-8")
        if any(word in text for word in having):
            yield file, parsed(file)


def words_of(text: str) -> Iterator[str]:
    """What people read of a text: all of it, of HTML what stands between its tags and in the titles of things."""
    if "<" not in text:
        yield text
        return
    yield from re.findall(r'(?:alt|title|aria-label)="([^"]*)"', text)
    yield from re.sub(r"<[^<>]*>|^[^<]*>|<[^>]*$", "\n", re.sub(r"<style>.*?</style>", "", text)).split("\n")


def of_speaking_modules() -> Iterator[str]:
    """Every text of several words of the modules that speak, wherever it stands, with the names of checks."""
    for _, tree in files(*SPEAKING):
        docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        joined = [n for n in ast.walk(tree) if isinstance(n, ast.JoinedStr)]
        parts = {id(part) for n in joined for part in n.values if isinstance(part, ast.Constant)}
        values = [value for n in joined for value in n.values if isinstance(value, ast.FormattedValue)]
        specs = {id(part) for value in values if value.format_spec for part in ast.walk(value.format_spec)}
        helps = {id(part) for n in ast.walk(tree) if _of_parser_itself(n) for part in ast.walk(n)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docs | parts | specs | helps:
                for line in "\n".join(words_of(template(node) or "")).split("\n"):
                    if " " in line.strip() and WORD.search(line) and not SAME.fullmatch(line):
                        yield line
            if isinstance(node, ast.Call) and called(node) == "Check":
                yield from filter(None, [template(node.args[0])])


def _of_parser_itself(node: ast.AST) -> bool:
    """Help and epilogs, which of_parsers() finds where they are shown."""
    if isinstance(node, ast.Assign):
        return str(getattr(node.targets[0], "id", "")).lstrip("_") in (
            "EPILOG",
            "EXAMPLES",
            "COLUMNS",
            "columns",
            "STYLE",
        )
    return isinstance(node, ast.keyword) and node.arg == "help"


def called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def of_tr() -> Iterator[str]:
    """What is given to tr() itself anywhere in the program, down to single words."""
    for _, tree in files("greenlane", having=["tr("]):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) == "tr":
                for part in (node.args[0], getattr(node.args[0], "body", None), getattr(node.args[0], "orelse", None)):
                    text = template(part) if isinstance(part, ast.expr) else None
                    yield from [text] if text and WORD.search(text) and not SAME.fullmatch(text) else []


def of_notes() -> Iterator[str]:
    """What a lane writes down of a visit, which its page and `explain` show."""
    for _, tree in files("controller", having=["Note(", "_note(", "detail="]):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in ("Note", "_note"):
                yield from filter(None, [template(node.args[-1])])
            if isinstance(node, ast.keyword) and node.arg == "detail":
                yield from filter(lambda text: text and not SAME.fullmatch(text), [template(node.value)])


FINDING = ("service/reports/audit.py", "service/reports/proofs")
"""What proves the books, and words what is wrong there."""


def of_findings() -> Iterator[str]:
    """Every text of several words that a proof puts together, but queries: what `audit` names, in whole or in part."""
    for _, tree in files(*FINDING):
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            docs = {id(n.value) for n in ast.walk(function) if isinstance(n, ast.Expr)}
            joined = [n for n in ast.walk(function) if isinstance(n, ast.JoinedStr)]
            parts = {id(part) for n in joined for part in n.values if isinstance(part, ast.Constant)}
            for node in ast.walk(function):
                if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docs | parts:
                    text = template(node) or ""
                    if " " in text.strip() and WORD.search(text) and not QUERY.match(text):
                        yield text


QUERY = re.compile(r"\(?(select|pragma|kind) |\{0\} as \{1\}$|disabled_us is|revoked_us is|\{0\}\.\{1\} / ")


def of_books() -> Iterator[str]:
    """The program's own words that stand in findings one by one: proofs, tables, columns, kinds and states."""
    checks = {
        node.args[0].value
        for _, tree in files(*FINDING)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) == "Finding" and isinstance(node.args[0], ast.Constant)
    }
    tables = {name for kind, name in expected_of_sqlite() if kind == "table"}
    said = {"table", "index", "trigger", "view", "function", "missing", "nothing", "none"}
    columns = {column for _, listed in trail.COMPARED.values() for column in listed}
    kinds = (AccountKind, TransferPhase, TransferKind, State, ChargeState, PaymentOutcome, Verdict)
    words = {str(one) for kind in kinds for one in kind}
    yield from (f"books: {word}" for word in sorted(checks | tables | said | columns | words))


DEED = re.compile(r"[a-z]+\.[a-z_-]+|(set|bind|unbind|block|unblock|create|release|forget|explain)_[a-z_]+|log(in|out)")
NOTED_BY = frozenset({"note", "_note", "change", "_change", "_set", "TrailEntry"})


def of_deeds() -> Iterator[str]:
    """What the trail says was done, by its code; orders are written as they are given and as they are carried out."""
    codes = {
        part.value
        for _, tree in files("service", having=[f"{name}(" for name in NOTED_BY])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) in NOTED_BY
        for argument in node.args
        for part in ast.walk(argument)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and DEED.fullmatch(part.value)
    }
    assert {"login", "bind_plate", "person.role", "payer.not-me"} <= codes
    codes |= {f"{begun} {order}" for begun in ("order", "did") for order in OrderKind}
    codes |= {f"hours.{state}" for state in (CONFIRMED, REFUSED, WITHDRAWN)}
    yield from (f"deeds: {code}" for code in sorted(codes))


def of_steps() -> Iterator[str]:
    """What an installation does, as --dry-run heads each file and program."""
    for _, tree in files("greenlane/installation", having=["RunProgram(", '"# ']):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) == "RunProgram":
                yield from filter(None, [template(node.args[1])])
            text = template(node.value) if isinstance(node, ast.Yield) and node.value is not None else None
            if text and text.startswith("# ") and not SAME.fullmatch(text):
                yield text.removeprefix("# ")


SAID_BY = frozenset({"print", "_say", "write", "input", "getpass"})


def unwrapped() -> Iterator[str]:
    """Texts that the commands print without tr(): file, line and text."""
    for file, tree in files("greenlane/cli", "greenlane/simulation", "greenlane/installation", "greenlane/living"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in SAID_BY and node.args:
                yield from (
                    f"{file.relative_to(ROOT)}:{node.lineno}: {text}"
                    for text in _bare(node.args[0])
                    if WORD.search(re.sub(r"greenlane( \w+)?: ", "", text)) and not SAME.fullmatch(text)
                )


def _bare(node: ast.AST) -> Iterator[str]:
    """Texts in an expression, but those inside calls, which have their own say."""
    if isinstance(node, ast.Call) and called(node) != "join":
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield from filter(None, [template(node)])
    for child in ast.iter_child_nodes(node):
        is_part = isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)
        is_spec = isinstance(node, ast.FormattedValue) and child is node.format_spec
        yield from () if is_part or is_spec else _bare(child)


def of_errors() -> Iterator[str]:
    """Every text that is raised in the modules whose errors are printed."""
    for _, tree in files(*ERRORS, having=["raise "]):
        yield from _raised(tree, lambda name: True)


def of_our_errors() -> Iterator[str]:
    """Every text of an error of our own that a command may print, wherever it is raised but in the measurements."""
    for file, tree in files(*ALL[1:], having=["raise "]):
        if "bench" not in file.parts and "training" not in file.parts:
            yield from _raised(tree, lambda name: name in names_of_our_errors() and name not in NOT_PRINTED)


def _raised(tree: ast.Module, counts: Callable[[str], bool]) -> Iterator[str]:
    """Texts of these errors, and those of the module's constants that stand in them."""
    constants = {
        getattr(node.targets[0], "id", ""): template(node.value) for node in tree.body if isinstance(node, ast.Assign)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and counts(called(node.exc)):
            texts = [template(argument) for argument in node.exc.args]
            texts += [constants.get(getattr(part, "id", "")) for part in ast.walk(node.exc)]
            yield from (text for text in texts if text and " " in text and not SAME.fullmatch(text))


def of_refusals() -> Iterator[str]:
    """What the books answer where they refuse, and words that are put together before."""
    for _, tree in files("service/books", "service/offline", having=["Refused(", "words = "]):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) == "Refused":
                yield from filter(None, map(template, node.args[1:]))
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "words":
                yield from filter(None, [template(node.value)])


ALL = ("wire", "controller", "greenlane", "hardware", "models", "service", "station")
CLASS = re.compile(r"^ *class (\w+)\(([^)]*)\):", re.MULTILINE)


@functools.cache
def names_of_our_errors() -> frozenset[str]:
    """Names of the errors that descend from GreenlaneError."""
    found, before = {"GreenlaneError"}, 0
    classes = [one for path in paths(*ALL) for one in CLASS.findall(path.read_text(encoding="utf-8"))]
    while len(found) > before:
        before = len(found)
        found |= {name for name, bases in classes if found & set(re.split(r"\W+", bases))}
    return frozenset(found)


def of_results() -> Iterator[str]:
    """Heads of the admin commands' tables, and what is said in the very call that shows a result."""
    for _, tree in files("greenlane/cli/admin"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("head", "heads"):
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
    spoken = re.compile(r"usage|positional|options$|show |unrecog|ambig|expected|the follow|one of the arg")
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
            yield from (choice.help for choice in action._choices_actions if choice.help)
            for sub in {id(sub): sub for sub in action.choices.values()}.values():
                yield from _of_parser(sub)
