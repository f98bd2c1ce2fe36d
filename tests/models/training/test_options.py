"""Numbers that make no sense are refused before anything long begins."""

from __future__ import annotations

import argparse

import pytest

from models.training.commands import opinion, visits


@pytest.mark.parametrize(("command", "option"), [(visits, "--reads"), (opinion, "--rounds")])
@pytest.mark.parametrize("number", ["0", "-1", "1.5", "x", ""])
def test_a_count_is_a_whole_number_from_one_on(
    command: object, option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    with pytest.raises(SystemExit):
        parser.parse_args([f"{option}={number}"])
    assert f"{number!r} is not a whole number from 1 on" in capsys.readouterr().err
    assert 3 in vars(parser.parse_args([f"{option}=3"])).values()
