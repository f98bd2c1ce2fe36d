"""The --help of every command ends with an example, and every example is one that the program takes."""

from __future__ import annotations

import argparse
import functools
import re
import shlex
from collections.abc import Iterator

import pytest

from greenlane import cli
from greenlane.cli.examples import EXAMPLES


@functools.cache
def _parser(command: str) -> argparse.ArgumentParser:
    return cli._parser([command])


def _commands() -> Iterator[tuple[str, ...]]:
    for name in cli.COMMANDS:
        yield from _below(_parser(name), (), name)


def _below(parser: argparse.ArgumentParser, words: tuple[str, ...], only: str = "") -> Iterator[tuple[str, ...]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                if only in ("", name):
                    yield (*words, name)
                    yield from _below(child, (*words, name))


EVERY = list(_commands())


def test_commands_of_every_depth_are_looked_at() -> None:
    assert {("run",), ("admin", "audit"), ("admin", "card", "create"), ("bench", "lane")} <= set(EVERY)


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help_shows_an_example_that_the_program_takes(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _parser(words[0]).parse_args([*words, "--help"])
    shown = capsys.readouterr().out.replace("\\\n", "")
    after = shown[shown.find("example") :]
    lines = re.findall(rf"^ +(?:sudo )?greenlane ({re.escape(' '.join(words))}\b.*)", after, re.MULTILINE)
    assert lines, "its --help ends without an example: greenlane/cli/examples.py"
    for line in lines:
        typed = shlex.split(re.split(r"\s#\s|\s{2,}", line)[0])
        _parser(typed[0]).parse_args(typed)


def test_no_example_is_of_a_command_that_is_gone() -> None:
    typed = [tuple(shlex.split(line)[1:]) for line in EXAMPLES.splitlines() if line]
    gone = [words for words in typed if not any(words[: len(one)] == one for one in EVERY if one != words[:1])]
    assert [words for words in gone if words[0] != "read"] == []
