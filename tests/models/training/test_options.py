"""Numbers that make no sense are refused before anything long begins."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from models.training.commands import curve, detector, goals, opinion, recogniser, second, visits, whole


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (visits, "--reads"),
        (opinion, "--rounds"),
        (goals, "--drawn"),
        (recogniser, "--steps"),
        (second, "--batch"),
        (whole, "--threads"),
        (curve, "--steps"),
    ],
)
@pytest.mark.parametrize("number", ["0", "-1", "1.5", "x", ""])
def test_a_count_is_a_whole_number_from_one_on(
    command: object, option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    out = ["--out", "folder"] if command in (recogniser, second, whole, curve) else []
    with pytest.raises(SystemExit):
        parser.parse_args([*out, f"{option}={number}"])
    assert f"{number!r}: write a whole number from 1 to" in capsys.readouterr().err
    assert 3 in vars(parser.parse_args([*out, f"{option}=3"])).values()


def parsed(command: object, *words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    stage = ["finder"] if command is detector else []
    return vars(parser.parse_args([*stage, "--out", "folder", *words]))


@pytest.mark.parametrize(
    ("command", "option"), [(whole, "--minutes"), (recogniser, "--rate"), (second, "--rate"), (detector, "--rate")]
)
@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "x", "", "1_0", "１０", "1e999"])
def test_a_rate_and_a_time_are_above_zero(
    command: object, option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(command, f"{option}={number}")
    assert f"{number!r}: write a number above 0" in capsys.readouterr().err
    assert parsed(command, f"{option}=.5")[option.strip("-")] == 0.5


def test_a_seed_is_one_that_numpy_and_torch_take(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (recogniser, detector):
        with pytest.raises(SystemExit):
            parsed(command, "--seed=-1")
        assert "write a whole number from 0 to" in capsys.readouterr().err
        assert parsed(command, "--seed=0")["seed"] == 0


def test_an_engine_that_is_none_is_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (visits, opinion, goals):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        with pytest.raises(SystemExit):
            parser.parse_args(["--engine", "abacus"])
        assert "choose from" in capsys.readouterr().err


def test_a_folder_without_pictures_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path / "none"))
    assert goals.run(argparse.Namespace(engine="opencv")) == 1
    assert f"no real pictures in GREENLANE_DATA ({tmp_path / 'none'})" in capsys.readouterr().out
