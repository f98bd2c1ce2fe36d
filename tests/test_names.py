"""Names: one home for a class, one root for errors, one place for flags, the field's words, and a map that is true."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import parsed
from tests.test_imports import ARROWS, ROOT
from wire.flags import BooksFlag, LaneFlag, StationFlag

CLASS = re.compile(r"^( *)class (\w+)(?:\(([^)]*)\))?:", re.MULTILINE)
"""A class where it is defined: how far it is indented, its name, its bases."""


def texts(*packages: str) -> Iterator[tuple[Path, str]]:
    """The modules of these packages with what stands in them."""
    for package in packages:
        for path in (ROOT / package).rglob("*.py"):
            yield path, path.read_text(encoding="utf-8")


def homes() -> dict[str, set[Path]]:
    """Public class name -> the files that define one."""
    found: dict[str, set[Path]] = defaultdict(set)
    for path, text in texts(*ARROWS):
        for indent, name, _ in CLASS.findall(text):
            if not indent and not name.startswith("_"):
                found[name].add(path.relative_to(ROOT))
    return found


def test_a_class_name_has_one_home() -> None:
    twice = {name: sorted(map(str, paths)) for name, paths in homes().items() if len(paths) > 1}
    assert not twice


OTHERWISE_NAMED = {
    "greenlane/wiring.py: LaneUnit": "composition roots are called wiring",
    "models/engines/easyocr_network.py: Model": "EasyOCR looks for a class of that name",
}
"""Files whose main class has another name than they, and why."""


def test_a_file_bears_the_name_of_its_main_class() -> None:
    """A class that is half of a file's code or more gives the file its name, whole or by one of its words.

    A room of functions with a small record beside them is called by what they do, a command's module by the command.
    """
    found = {
        f"{path.relative_to(ROOT)}: {main.name}"
        for package in ARROWS
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
        for main in _main_class(parsed(path))
        if not any(_are_akin(path.stem, node.name) for node in _public_classes(parsed(path)))
    }
    assert found == set(OTHERWISE_NAMED)


def _main_class(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """The longest public class where it is half of what the file defines; none of a command's."""
    sizes = {n: _lines(n) for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
    longest = max(_public_classes(tree), key=_lines, default=None)
    is_command = any(isinstance(node, ast.FunctionDef) and node.name == "add_arguments" for node in sizes)
    if longest is not None and not is_command and 2 * sizes[longest] >= sum(sizes.values()):
        yield longest


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _public_classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def _are_akin(stem: str, name: str) -> bool:
    """keys and KeyBook, stamps and Stamper, statefile and StateFile."""
    return bool(_roots(stem) & _roots(name)) or stem.replace("_", "") in name.lower()


def _roots(name: str) -> set[str]:
    return {word.lower().rstrip("s")[:4] for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def test_every_error_has_one_root() -> None:
    """Whoever catches GreenlaneError has caught what any part says; an OSError is the system's own."""
    rootless = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, text in texts(*ARROWS)
        for _, name, bases in CLASS.findall(text)
        if {"Exception", "ValueError", "RuntimeError"} & set(re.split(r"\W+", bases))
    }
    assert rootless == {
        "wire/errors.py: GreenlaneError",
        "wire/codec.py: WireError",
        "greenlane/bench/peers_worker.py: ReaderMissing",
    }, "WireError is a ValueError too; peers_worker runs beside other readers, without greenlane"


def test_flags_are_written_once() -> None:
    """A flag's text stands in wire/flags.py alone: everywhere else it is a member of its enum."""
    flags = {member.value for side in (LaneFlag, StationFlag, BooksFlag) for member in side}
    written = re.compile("|".join(flags - OTHER_MEANINGS))
    loose = {
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path, text in texts("controller", "service", "station", "wire")
        if path != ROOT / "wire" / "flags.py" and "migrations" not in path.parts and written.search(text)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and node.value in flags - OTHER_MEANINGS
    }
    assert not loose


OTHER_MEANINGS = {"late", "offline", "card_blocked", "plate_blocked", "uncovered", "overrun", "unknown_authorisation"}
"""Flags whose text means something else too: reasons, error codes, columns, keys of a summary."""


def test_every_flag_is_documented() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    flags = {member.value for side in (LaneFlag, StationFlag, BooksFlag) for member in side}
    assert not [flag for flag in sorted(flags) if f"`{flag}`" not in pages]


PRIVATE = {
    "chores",
    "desk",
    "duties",
    "eyes",
    "garage",
    "house",
    "hush",
    "keeper",
    "situation",
    "surely",
    "teller",
}
"""Words for things that have a word of their own: worker, store, periodic task, wiring, listener, batch state."""


def test_names_are_the_fields_words() -> None:
    """No module, class, function, argument or attribute is called by a word that only this project's authors know."""
    written = re.compile("|".join(PRIVATE), re.IGNORECASE)
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, text in texts(*ARROWS)
        for name in (path.stem, *(_names_given(parsed(path)) if written.search(text) else ()))
        if {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+", name)} & PRIVATE
    }
    assert not found


def _names_given(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                yield name
            case ast.arg(name) | ast.Name(name, ast.Store()) | ast.Attribute(_, name, ast.Store()):
                yield name


def test_what_answers_http_is_called_routes() -> None:
    """A module of the service that makes a router is one of routes; mount.py puts a room's together."""
    others = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "service").rglob("*.py")
        if re.search(r"= APIRouter\(", path.read_text(encoding="utf-8"))
        and not re.fullmatch(r"(\w+_)?routes", path.stem)
    }
    assert others == {"service/identity/api_page.py"}, "it makes the document that it shows"


def test_what_a_thing_is_not_is_said_in_plain_english() -> None:
    """ "It is not a plate", never "it is no plate": in the documents, the catalogue, the docstrings and the errors."""
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "greenlane" / "locale").rglob("*.po")]
    files += [path for package in (*ARROWS, "tests") for path in (ROOT / package).rglob("*.py")]
    odd = re.compile(r"\b(?<!there )(?<!There )(is|are|was|were) no (?!longer|more|use\b)[a-z]+")
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        if path != Path(__file__)
        for match in odd.finditer(path.read_text(encoding="utf-8"))
    }
    assert not found


def test_the_files_that_the_map_names_are_there() -> None:
    """docs/developer.md leads to the file in one step, or it is not a map."""
    page = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    tops = "|".join([*ARROWS, "tests", "docs", "deploy"])
    named = re.findall(rf"`((?:{tops})/[\w./]*)`", page)
    assert len(named) > 40
    assert not [name for name in named if not (ROOT / name).exists()]


def test_a_file_named_without_its_folder_is_beside_the_one_before_it() -> None:
    page = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    map_of_files = page.partition("## Where is it decided?")[2].partition("\n## The rules")[0]
    short = {(folder, name) for row in map_of_files.splitlines() for folder, name in _short_names(row)}
    assert len(short) > 20
    assert not [f"{folder}/{name}" for folder, name in sorted(short) if not (ROOT / folder / name).is_file()]


def _short_names(row: str) -> Iterator[tuple[str, str]]:
    """Each file that a row of a table names without its folder, after the folder of the full name before it."""
    folder = "?"
    for name in re.findall(r"`([\w/]+\.py)`", row) if row.startswith("|") else ():
        if "/" in name:
            folder = name.rpartition("/")[0]
        else:
            yield folder, name


def test_the_tests_of_a_room_stand_under_its_name() -> None:
    """A folder of tests/service is called as a room of service/ is, and so in every package but greenlane/."""
    tests = ROOT / "tests"
    unknown = {
        str(folder.relative_to(tests))
        for package in ARROWS
        for folder in (tests / package).rglob("*")
        if (folder / "__init__.py").exists() and not (ROOT / folder.relative_to(tests)).is_dir()
    }
    assert unknown == {"hardware/servers"}, "servers/ holds what the cameras' tests connect to"


def test_the_map_names_every_room() -> None:
    page = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    rooms = {f"{p.name}/" for package in ARROWS for p in (ROOT / package).iterdir() if (p / "__init__.py").exists()}
    assert not [room for room in sorted(rooms) if f"`{room}`" not in page]


DECIDED_BY = {
    "that green ends when the camera is lost": ("controller/lane/machine.py", "def _camera_lost("),
    "when a question is asked, renewed or ends": ("controller/lane/follow_ups.py", "def renew("),
    "what the lamp shows for which facts": ("controller/lane/view.py", "def colour_of("),
    "that several reads are one certain plate": ("controller/watching/vote.py", "def vote("),
    "how volume and price become an amount": ("wire/money.py", "def amount_fen("),
    "how a plate is spelt": ("wire/plates.py", "def normalise("),
    "which names could be taken for one another": ("wire/spelling/names.py", "def spelling_fault("),
    "whether a fuelling contradicts itself": ("service/books/decisions/plausibility.py", "def contradiction("),
    "that a revoked device is refused": ("service/identity/signed/keys.py", "raise SignatureRefused(Flaw.REVOKED"),
    "what a station allows while its line is cut": ("station/offline_rules.py", "def decide("),
    "default, bounds and words of a setting": ("controller/settings_records.py", "class Settings"),
    "what is sent to a peer of the previous version": ("wire/versions.py", "def encode_for("),
    "in which zone a time is shown": ("service/store/zones.py", "def zone_of("),
    "whose hour it is": ("service/payer_rules/periods.py", "def holders("),
    "whether a plate may refuel, and with what hold": ("service/books/decisions/authorisation.py", "def _judge("),
    "that a phone sees nothing of another person": ("service/phone/access.py", "class NotYours("),
    "whether a message is tried again or waits for a person": ("controller/outbound/courier.py", "def _deliver("),
    "that a fuelling counts offline until the server has it": ("station/store/grants.py", "def exposure_fen("),
    "when a refused vehicle is asked about again": ("controller/lane/state_changes.py", "def ask_later("),
    "how often a running fuelling is stored": ("controller/fuelling/meter.py", "self._settings.store_every_s"),
    "which of several plates is the vehicle's": ("controller/watching/watcher.py", "def _prominence("),
    "whether a typed plate agrees with the camera": ("wire/typed.py", "def agreement("),
    "what a card pays without an authorisation": ("service/books/decisions/fuelling.py", "def _left_of_cap_fen("),
    "when an expired hold is freed": ("service/books/batch_worker.py", "def _sweep("),
    "who pays where no rule was set": ("service/payer_rules/periods.py", "def rule_in_force("),
    "what WeChat pays for, and how much": ("service/payer_rules/capabilities.py", "WECHATPAY: Capabilities("),
    "when the next payer is asked": ("service/payers/escalation.py", "def next_request("),
    'what happens when a payer says "not me"': ("service/station/blocks.py", "def not_me("),
    "when the line to the server counts as cut": ("station/uplink.py", "def ask("),
    "which device may send which request": ("service/identity/signed/rules.py", "RULES: "),
    "who may read the metrics": ("service/identity/guard.py", "metrics_from: "),
    "how a page requires a role": ("service/identity/access.py", "def operator("),
    "which role opens a page of cards and money": ("service/counter/page_context.py", "access.operator(Role.CASHIER)"),
    "which role opens the station's page": ("service/station/overview/routes.py", "access.operator(Role.ATTENDANT)"),
    "which role opens the panel": ("service/station/panel/routes.py", "access.operator(Role.PANEL)"),
    "which role opens a fleet's pages": ("service/fleet/routes.py", "access.operator(Role.FLEET)"),
}
"""A newcomer's questions, as the map asks them -> the file that it leads to, and what decides there."""


def test_every_question_of_the_map_is_held_here() -> None:
    page = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    asked = page.partition("## Where is it decided?")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| ([^|]+?) \| `", asked, re.MULTILINE)) == set(DECIDED_BY)


@pytest.mark.parametrize("question", DECIDED_BY)
def test_the_map_leads_a_newcomer_to_what_decides(question: str) -> None:
    file, decides = DECIDED_BY[question]
    page = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {re.escape(question)} \| `{re.escape(file)}`", page, re.MULTILINE)
    assert decides in (ROOT / file).read_text(encoding="utf-8")
