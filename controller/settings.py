"""lane.toml: read once into frozen records, every fault named with file, line, key and what would be right."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from controller.errors import SettingsError
from controller.settings_records import LONGEST_TEXT, SettingFact, Settings, table
from wire.files import read_regular, replace_regular
from wire.spelling.address import STREAMS, is_address, is_stream, listening_at
from wire.spelling.names import spelling_fault
from wire.spelling.zones import is_zone

_HEADER = re.compile(r"^\s*\[\s*([\w.-]+)\s*\]\s*(#.*)?$")
_LONGEST_BYTES = 1 << 20
_KEY = re.compile(r"^\s*([\w-]+)\s*=")
FORMERLY = {("vote", "weakest_sign"): "weakest_character"}
"""Old spellings of keys by (section, key); understood for one release, so that a unit keeps its file."""


def load(path: Path | str) -> Settings:
    """The settings of a file. Raises SettingsError naming file, line and key of the first fault."""
    return parse(_text(path), str(path))


def _text(path: Path | str) -> str:
    try:
        return read_regular(path, _LONGEST_BYTES).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); `greenlane install` makes one") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def parse(text: str, name: str = "lane.toml") -> Settings:
    """The settings of a text; `name` stands in its errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: not TOML: {error}") from error
    except ValueError:  # Python's bound for the digits of a number
        raise SettingsError(f"{name}: a number has more digits than any setting needs") from None
    except RecursionError:
        raise SettingsError(f"{name}: lists or tables are nested more deeply than any setting needs") from None
    return _Source(name, text).settings(data)


def example() -> str:
    """The example file: every setting with its default, description and bounds."""
    lines = ["# Settings of one lane. Every key may be left out: the value shown is the default."]
    section = ""
    for fact in table():
        if fact.section != section:
            section = fact.section
            lines += ["", f"[{section}]"]
        lines += [f"# {fact.text}{_bounds_note(fact)}", f"{fact.key} = {_toml(fact.default)}"]
    return "\n".join(lines) + "\n"


TO = " to "
"""Between the bounds of a number."""
AT_MOST = "at most {0} characters"
"""Of a text that messages carry."""
TITLE = "Settings of a lane: lane.toml"
INTRODUCTION = """\
Every key may be left out; then its default applies. A key that is unknown, of the wrong type or out of bounds
is refused, with its line. `greenlane run --config lane.toml --check` checks a file; `greenlane calibrate` and
`greenlane enrol` write their results into it and keep comments and order."""
COLUMNS = ("key", "default", "allowed", "meaning")


def handbook(say: Callable[[str], str] = str, other: str = "[中文](zh/settings.md)") -> str:
    """The page that describes every setting (docs/settings.md), in Markdown.

    say: a text in the page's language. other: the link to the page in the other one.
    """
    lines = [f"# {say(TITLE)}", "", other, "", say(INTRODUCTION)]
    section = ""
    for fact in table():
        if fact.section != section:
            section = fact.section
            about = say(about_section(section))
            lines += ["", f"## [{section}]", "", about[0].upper() + about[1:], ""]
            lines += [f"| {' | '.join(map(say, COLUMNS))} |", "|---|---|---|---|"]
        allowed = _bounds_note(fact, say).strip(" ()").replace(TO, say(TO)) or say(_KIND_NAMES[type(fact.default)])
        lines.append(f"| `{fact.key}` | `{_toml(fact.default)}` | {allowed} | {say(fact.text)} |")
    return "\n".join(lines) + "\n"


def about_section(section: str) -> str:
    """One sentence."""
    return str(type(getattr(Settings(), section)).__doc__).split(": ", 1)[1]


def update_file(path: Path | str, changes: Mapping[tuple[str, str], Any]) -> None:
    """Set keys of a settings file in place, keeping comments and order; made from the example when it does not exist.

    The new text is checked as a whole before it replaces the old file by renaming. Raises SettingsError.
    """
    target = Path(path)
    text = _text(target) if target.exists() else example()
    new = changed(text, changes, str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_regular(target, new.encode(), 0o644)


def changed(text: str, changes: Mapping[tuple[str, str], Any], name: str = "settings") -> str:
    """A settings text with these keys set, comments and order kept. Raises SettingsError, calling the text `name`."""
    for (section, key), value in changes.items():
        text = _with(text, section, key, f"{key} = {_toml(value)}")
    parse(text, name)
    return text


@dataclass(frozen=True)
class _Source:
    """A settings text and its name, to tell where a fault is."""

    name: str
    text: str

    def settings(self, data: Mapping[str, Any]) -> Settings:
        known = {f.name for f in fields(Settings)}
        for section in data:
            if section not in known:
                raise self.fault(section, section, f"[{section}] is not a section{_nearest(section, known)}")
            if not isinstance(data[section], dict):
                raise self.fault(section, section, f"{section} is a section: write [{section}]")
        built = {}
        defaults = Settings()
        for f in fields(Settings):
            built[f.name] = self._section(f.name, type(getattr(defaults, f.name)), data.get(f.name, {}))
        settings = Settings(**built)
        self._check_together(settings)
        return settings

    def _section(self, section: str, cls: type[Any], data: Mapping[str, Any]) -> Any:
        facts = {fact.key: fact for fact in table() if fact.section == section}
        values = {}
        for written, value in data.items():
            key = FORMERLY.get((section, written), written)
            if key != written and key in data:
                raise self.fault(section, written, f"{written} is the old name of {key}: leave one of them out")
            if key not in facts:
                raise self.fault(section, written, f"{key} is not a setting of [{section}]{_nearest(key, facts)}")
            problem, values[key] = _checked(facts[key], value)
            if problem:
                raise self.fault(section, written, f"{section}.{key}: {problem}")
        return cls(**values)

    def _check_together(self, settings: Settings) -> None:
        self._check_addresses(settings)
        if settings.lane.zone and not is_zone(settings.lane.zone):
            raise self.fault("lane", "zone", f"lane.zone: {settings.lane.zone!r} is not a time zone")
        left, top, right, bottom = settings.camera.region
        if not (left < right and top < bottom):
            raise self.fault("camera", "region", "camera.region: left, top must be less than right, bottom")
        if settings.lane.role == "entry" and settings.dispenser.kind != "none":
            raise self.fault(
                "lane", "role", "lane.role: an entry camera is not at a pump: set kind of [dispenser] to none"
            )
        if settings.camera.grace_s > settings.lamp.lease_s:
            raise self.fault("camera", "grace_s", "camera.grace_s: must not exceed lamp.lease_s")
        if settings.trigger.vehicle_share < settings.trigger.presence_share:
            raise self.fault("trigger", "vehicle_share", "trigger.vehicle_share: must not be below presence_share")
        pins = [settings.lamp.red_pin, settings.lamp.green_pin]
        if settings.dispenser.kind == "gpio":
            pins += [settings.dispenser.nozzle_pin, settings.dispenser.pulser_pin, settings.dispenser.permit_pin]
        if len(set(pins)) < len(pins):
            raise self.fault("lamp", "red_pin", "lamp and dispenser: two uses of one GPIO number")

    def _check_addresses(self, settings: Settings) -> None:
        if not is_address(settings.service.url):
            raise self.fault("service", "url", "service.url: write http(s)://HOST[:PORT]")
        schemes = STREAMS.get(settings.camera.kind)
        if schemes is not None and not is_stream(settings.camera.source, schemes):
            raise self.fault("camera", "source", f"camera.source: write {schemes[0]}://HOST[:PORT]/PATH")
        if settings.metrics.listen:
            try:
                listening_at(settings.metrics.listen)
            except ValueError as error:
                raise self.fault("metrics", "listen", f"metrics.listen: {error}") from None

    def fault(self, section: str, key: str | None, text: str) -> SettingsError:
        line = line_of(self.text, section, key)
        return SettingsError(f"{self.name}{f', line {line}' if line else ''}: {text}")


def line_of(text: str, section: str, key: str | None) -> int | None:
    """Line (from 1) of a key, or of its section's header; None when it is written in no common way."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            current = header[1]
            if current == section and key is None:
                return number
        elif (found := _KEY.match(line)) and current in (section, "") and found[1] == key:
            return number
    return line_of(text, section, None) if key is not None else None


def _checked(fact: SettingFact, value: Any) -> tuple[str, Any]:
    """(what is wrong, else "", the value in its own type)."""
    kind = type(fact.default)
    if kind is tuple:
        return _checked_tuple(fact, value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        return f"must be {_KIND_NAMES[kind]}, not {value!r}", None
    if kind is str:
        return _checked_text(fact, value), value
    return _out_of_bounds(fact, value), value


def _checked_tuple(fact: SettingFact, value: Any) -> tuple[str, Any]:
    numbers = isinstance(value, list) and all(type(v) in (int, float) for v in value)
    if not numbers or len(value) != len(fact.default):
        return f"must be a list of {len(fact.default)} numbers, not {value!r}", None
    return next(filter(None, (_out_of_bounds(fact, v) for v in value)), ""), tuple(float(v) for v in value)


def _checked_text(fact: SettingFact, value: str) -> str:
    if fact.choices and value not in fact.choices:
        return f"must be one of {', '.join(fact.choices)}, not {value!r}"
    if (not value.strip() and fact.default) or len(value) > fact.longest or not value.isprintable():
        return f"must be 1 to {fact.longest} printable characters"
    if fact.longest == LONGEST_TEXT:
        return ""
    return "must have no blanks at its ends" if value != value.strip() else spelling_fault(value)


def _out_of_bounds(fact: SettingFact, value: float) -> str:
    if fact.low is None or fact.high is None or fact.low <= value <= fact.high:
        return ""
    return f"{value} is not between {fact.low:g} and {fact.high:g}"


_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}


def _nearest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"


def _bounds_note(fact: SettingFact, say: Callable[[str], str] = str) -> str:
    if fact.choices:
        return f" ({', '.join(fact.choices)})"
    if type(fact.default) is str and fact.longest < LONGEST_TEXT:
        return f" ({say(AT_MOST).format(fact.longest)})"
    return f" ({fact.low:g}{TO}{fact.high:g})" if fact.low is not None and fact.high is not None else ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(int(value) if isinstance(value, int) else float(value))


def _with(text: str, section: str, key: str, assignment: str) -> str:
    """The text with one assignment set: in place, at the end of its section, or in a new section at the end."""
    lines = text.splitlines()
    current, last = "", None
    for index, line in enumerate(lines):
        if header := _HEADER.match(line):
            current = header[1]
        if current != section:
            continue
        if (found := _KEY.match(line)) and FORMERLY.get((section, found[1]), found[1]) == key:
            lines[index] = assignment + _comment(line)
            return "\n".join(lines) + "\n"
        if line.strip():
            last = index
    if last is None:
        return "\n".join([*lines, "", f"[{section}]", assignment]) + "\n"
    return "\n".join([*lines[: last + 1], assignment, *lines[last + 1 :]]) + "\n"


def _comment(line: str) -> str:
    """The comment behind an assignment whose value holds no '#'."""
    if line.count("#") != 1 or line.count('"') % 2 or re.search(r'"[^"]*#[^"]*"', line):
        return ""
    return "  #" + line.split("#", 1)[1]
