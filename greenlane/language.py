"""The language that commands speak to people: English is the source, catalogues of locale/ hold the others.

Texts that logs, JSON or other programs may see stay English where they are made. What a person reads is translated at
the last step: whole texts by `gettext`, finished sentences, whose parts are filled in already, by `sentence`.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import gettext
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ENGLISH = "en"
LANGUAGES = (ENGLISH, "zh")
LOCALE = Path(__file__).resolve().parent / "locale"
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set and not empty counts, as in every program of the system."""

PLACE = re.compile(r"\{(\d)(?::(\w+))?\}")
"""Where a template has something filled in. A translation's {0:books} says: words that stand here, divided by
commas, are of the program's own, whose translation is that of `books: word`; elsewhere a single word is a name."""

HERE = "\0"
"""Stands in a sentence for a part of it that is put in later."""

DEEPEST = 3
"""How far a part of a sentence is looked at for a sentence of its own: command: file: reason."""


class Catalogue(gettext.NullTranslations):
    """One language, read from its .po file: no step of building stands between a text and its translation."""

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self.texts: dict[str, str] = entries(file.read_text(encoding="utf-8")) if file else {}
        self._templates = [_Template(msgid, msgstr) for msgid, msgstr in self.texts.items() if PLACE.search(msgid)]

    def gettext(self, message: str) -> str:
        """The whole text in this language; what the catalogue lacks stays as it is."""
        found = self.texts.get(message)
        if found is None and message.endswith(".") and message[:1].isupper():
            summary = self.texts.get(message[0].lower() + message[1:-1])
            found = f"{summary}。" if summary else None
        return found or message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Chinese has one number: the plural's entry."""
        return self.texts.get(msgid2) or (msgid1 if n == 1 else msgid2)

    def sentence(self, text: str, depth: int = 0) -> str:
        """A finished English sentence in this language, by the most literal of the templates that fit it.

        A template that would swallow a name and its colon gives way to one that says more of what stands behind them.
        """
        found = self.gettext(text)
        if not self.texts or found != text or depth > DEEPEST:
            return found
        fitting = self._closest(text)
        place, colon, rest = text.partition(": ")
        if fitting and not (fitting[1].start(1) <= len(place) and self._literal(rest) >= fitting[0].literal):
            return self._filled(*fitting, depth)
        rendered = self.sentence(rest, depth + 1) if colon else rest
        return self._behind(place, rendered, depth) if rendered != rest else text

    def _behind(self, place: str, rendered: str, depth: int) -> str:
        """What is in this language already, behind the name of what it tells of, which a template may word."""
        fitting = self._closest(f"{place}: {HERE}")
        return (
            self._filled(*fitting, depth).replace(HERE, rendered)
            if fitting
            else f"{self._part(place, depth)}：{rendered}"
        )

    def _filled(self, template: _Template, match: re.Match[str], depth: int) -> str:
        return template.filled(match.groups(), lambda part, among: self._part(part, depth, among))

    def _closest(self, text: str) -> tuple[_Template, re.Match[str]] | None:
        """The most literal of the templates that fit a text, with the parts that fill it."""
        fitting = [(template, match) for template in self._templates if (match := template.fits(text))]
        return max(fitting, key=lambda pair: pair[0].literal, default=None)

    def _literal(self, text: str) -> int:
        """How much of a text is fixed where it is a sentence of the catalogue; 0 where it is none."""
        if text in self.texts:
            return len(text)
        fitting = self._closest(text)
        return fitting[0].literal if fitting else 0

    def _part(self, part: str, depth: int, among: str = "") -> str:
        """What was filled in: words of these, a sentence of its own where it has several or ends as one, or a name."""
        words = part.split(", ")
        if among and all(f"{among}: {word}" in self.texts for word in words):
            return "、".join(self.word(word, among) for word in words)
        return self.sentence(part, depth + 1) if " " in part or part.endswith(".") else self.word(part, among)

    def word(self, word: str, among: str) -> str:
        """One of the program's own words, as the catalogue has it among its like; a name stays as it is."""
        return self.texts.get(f"{among}: {word}", word)


class _Template:
    """A sentence with numbered places, {0} {1}; literal: how much of it is fixed."""

    def __init__(self, english: str, other: str) -> None:
        fixed = re.split(r"\{(\d)\}", english)
        self._longest = max(fixed[::2], key=len)
        self.numbers = [int(number) for number in fixed[1::2]]
        self.literal = sum(map(len, fixed[::2]))
        self.english = re.compile("(.*?)".join(map(re.escape, fixed[::2])), re.DOTALL)
        self._other = other

    def fits(self, text: str) -> re.Match[str] | None:
        """The parts, where the text is this sentence; most are told apart by their longest fixed piece."""
        return self.english.fullmatch(text) if self._longest in text else None

    def filled(self, parts: Sequence[str], rendered: Callable[[str, str], str]) -> str:
        by_number = dict(zip(self.numbers, parts, strict=True))
        return PLACE.sub(lambda place: rendered(by_number[int(place[1])], place[2] or ""), self._other)


def entries(po: str) -> dict[str, str]:
    """msgid -> msgstr of a .po file's text, without its header. Raises ValueError where it is not such a file."""
    found: dict[str, str] = {}
    field = msgid = msgstr = ""
    for line in [*po.splitlines(), 'msgid ""']:
        word, _, rest = line.partition(" ")
        if word in ("msgid", "msgstr"):
            if word == "msgid":
                found[msgid] = msgstr
                msgid = msgstr = ""
            field = word
        elif line.startswith('"'):
            rest = line
        elif not line or line.startswith("#"):
            continue
        else:
            raise ValueError(f"{line!r} is not a line of a catalogue")
        text = str(ast.literal_eval(rest))
        msgid, msgstr = (msgid + text, msgstr) if field == "msgid" else (msgid, msgstr + text)
    found.pop("", None)
    return found


def chosen(words: Sequence[str], environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """The language by --lang in the command line, else by the environment, else English; and the other words."""
    for number, word in enumerate(words):
        name = words[number + 1] if word == "--lang" and number + 1 < len(words) else word.removeprefix("--lang=")
        if name in LANGUAGES and word.startswith("--lang"):
            return name, [*words[:number], *words[number + (2 if word == "--lang" else 1) :]]
    value = next((environ[variable] for variable in VARIABLES if environ.get(variable)), ENGLISH)
    return next((name for name in LANGUAGES if re.match(rf"{name}(_|\.|-|$)", value)), ENGLISH), list(words)


@functools.cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of a language; an empty one for English and what is not there."""
    file = LOCALE / language / "LC_MESSAGES" / "greenlane.po"
    return Catalogue(file if language in LANGUAGES and file.exists() else None)


class _Spoken:
    """What this process speaks; set once by main, before the first parser is made."""

    language = ENGLISH
    catalogue = Catalogue()


def speak(language: str) -> None:
    """From now on commands and argparse's own words are in this language.

    In English too they come from our catalogue: Python's own gettext looks for files at each word of each parser.
    """
    _Spoken.language, _Spoken.catalogue = language, catalogue(language)
    vars(argparse).update(_=_Spoken.catalogue.gettext, ngettext=_Spoken.catalogue.ngettext)


def also(pairs: Mapping[str, str]) -> None:
    """Take English texts and their Chinese whose home is elsewhere, as the reasons' is."""
    if _Spoken.catalogue.texts:
        _Spoken.catalogue.texts.update(pairs)


def spoken() -> str:
    """The language that main chose."""
    return _Spoken.language


def one_of(words: tuple[str, str]) -> str:
    """Of Chinese and English, as pages keep their words, the one that main chose."""
    return words[0 if _Spoken.language == "zh" else 1]


def tr(text: str) -> str:
    """A whole text or a finished sentence in the language that main chose; English as it is."""
    return _Spoken.catalogue.sentence(text)


def word(word: str, among: str) -> str:
    """One of the program's own words in the language that main chose, with its code behind it; English as it is."""
    spoken = _Spoken.catalogue.word(word, among)
    return word if spoken == word else f"{spoken}（{word}）"


class Parser(argparse.ArgumentParser):
    """A parser that helps and complains in the language that main chose; those of its subcommands are of this class."""

    def format_help(self) -> str:
        if not _Spoken.catalogue.texts:
            return super().format_help()
        self._translate()
        shown = super().format_help()
        for title in {group.title for group in self._action_groups if group.title}:
            shown = shown.replace(f"\n{title}:\n", f"\n{title}：\n")
        return shown

    def _translate(self) -> None:
        self.description, self.epilog = tr(self.description or ""), tr(self.epilog or "")
        for group in self._action_groups:
            group.title = tr(group.title or "")
        for action in self._actions:
            choices = action._choices_actions if isinstance(action, argparse._SubParsersAction) else []
            for one in (action, *choices):
                if one.help and one.help is not argparse.SUPPRESS:
                    one.help = _Spoken.catalogue.gettext(one.help)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but a command of commands alone shows its help, and what no option is, its own command says."""
        commands = [action for action in self._actions if isinstance(action, argparse._SubParsersAction)]
        if not args and any(action.required for action in commands):
            self.exit(2, self.format_help())
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            meant = self._meant(unknown[0])
            said = _Spoken.catalogue.gettext("unrecognized arguments: %s") % " ".join(unknown)
            self.error(f"{said}{tr(f'; did you mean {meant}?') if meant else ''}")
        return found, unknown

    def _meant(self, typed: str) -> str | None:
        """The option that is nearest, by its letters: dashes are alike in all."""
        known = {option.removeprefix("--"): option for option in self._option_string_actions if option[:2] == "--"}
        near = _nearest(typed[2:].partition("=")[0], known) if typed.startswith("--") else None
        return None if near is None else known[near]

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """As argparse, but no empty name of a file or folder: it would mean the current one."""
        if not arg_string and action.type is Path:
            raise argparse.ArgumentError(action, tr("an empty name: give a file or a folder"))
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """What is meant, where one of the choices is near; else all of them."""
        if action.choices is None or value in action.choices:
            return
        choices = [str(one) for one in action.choices]
        meant = _nearest(str(value), choices)
        said = tr(f"there is no {value!r}; choose one of: {', '.join(choices)}")
        raise argparse.ArgumentError(action, tr(f"there is no {value!r}; did you mean {meant}?") if meant else said)

    def error(self, message: str) -> Any:
        """What is wrong and where to look; the usage of every option would drown the one sentence that helps."""
        self.exit(2, f"{self.prog}: {tr(message)}\n{tr(f'see {self.prog} --help')}\n")


def _nearest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(known), 1, 0.6)), None)
