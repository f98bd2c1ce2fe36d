"""What is written on a command line: numbers beyond what any store holds, and names that would steer the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.cli import main

BEYOND = str(10**20)


@pytest.mark.parametrize("number", [BEYOND, "0", "1.5", "\uff11", "9" * 5000])
@pytest.mark.parametrize(
    "words",
    [
        ["admin", "typed", "--last"],
        ["admin", "shift", "list", "--last"],
        ["admin", "trail", "--limit"],
        ["admin", "offline", "conflicts", "--days"],
        ["admin", "offline", "visits", "--days"],
        ["outbox", "retry"],
        ["outbox", "discard"],
        ["explain", "--list", "--count"],
    ],
    ids=" ".join,
)
def test_a_number_out_of_bounds_is_told(words: list[str], number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, number])
    assert (ended.value.code, "write a whole number from 1 to" in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize("number", ["1_0", "\uff11", "\u0661", "0x1", "nan", "1e"])
@pytest.mark.parametrize(
    "words",
    [
        ["service", "--hold-life"],
        ["station", "--upstream", "http://127.0.0.1:9", "--deadline"],
        ["calibrate", "--seconds"],
        ["demo", "--live", "--seconds"],
        ["simulate", "--litres"],
        ["bench", "service", "--seconds"],
    ],
    ids=" ".join,
)
def test_a_number_is_as_one_writes_it(words: list[str], number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Python takes 1_0 for ten: money is not read so, nor is a whole number."""
    with pytest.raises(SystemExit) as ended:
        main([*words, number])
    assert (ended.value.code, repr(number) in capsys.readouterr().err) == (2, True)


def test_the_order_of_payers_has_bounds_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["admin", "payer", "set", "粤B12345", "Chen", "--hours", "0-8", "--order", BEYOND])
    assert "write a whole number from -1000 to" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["simulate"], ["read"], ["run", "--check", "--config"], ["doctor", "--config"]])
def test_nothing_that_is_quoted_steers_the_terminal(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "odd.toml"
    settings.write_text(r"[camera]" "\n" r'"\u001b[31mkind" = "x"', encoding="utf-8")
    for name in [str(tmp_path / "absent\x1b[31m.mp4"), *([str(settings)] if "--config" in words else [])]:
        assert main([*words, name]) == 1
        printed = "".join(capsys.readouterr())
        assert r"\x1b[31m" in printed
        assert "\x1b" not in printed


@pytest.mark.parametrize(
    "words",
    [
        ["admin", "backup", "--to", ""],
        ["admin", "restore", ""],
        ["simulate", ""],
        ["install", "--dry-run", "--root", ""],
        ["run", "--config="],
        ["station", "--upstream", "http://127.0.0.1:9", "--state", ""],
        ["read", ""],
    ],
    ids=" ".join,
)
def test_an_empty_name_is_not_the_folder_where_one_stands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As a script leaves it whose variable is not set."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert (ended.value.code, "an empty name: give a file or a folder" in capsys.readouterr().err) == (2, True)


def test_options_of_the_live_demonstration_are_refused_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--clip", "own.mp4", "--seconds", "3"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.partition(";")[0]) == ("", "greenlane demo: --clip, --seconds: only with --live")


def wrongly_typed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    return err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("read --threads x a.jpg", "greenlane read: argument --threads: 'x': write a whole number from 1 to 16"),
        (
            "read --engine abacus a.jpg",
            "greenlane read: argument --engine: there is no 'abacus'; choose one of: opencv, onnxruntime, easyocr",
        ),
        ("read --loud a.jpg", "greenlane read: unrecognized arguments: --loud"),
        ("read --engine openvc a.jpg", "greenlane read: argument --engine: there is no 'openvc'; did you mean opencv?"),
        ("admin card crate", "greenlane admin card: argument ACTION: there is no 'crate'; did you mean create?"),
        ("simulate --prest 5", "greenlane simulate: unrecognized arguments: --prest; did you mean --preset?"),
        ("simulate --seconds 3", "greenlane simulate: unrecognized arguments: --seconds"),
        (
            "admin enrol --kind station --station S1 --minutes 0",
            "greenlane admin enrol: argument --minutes: '0': write a whole number from 1 to 1440",
        ),
        ("doctor now", "greenlane doctor: unrecognized arguments: now"),
        ("admin card show", "greenlane admin card show: the following arguments are required: CARD"),
        ("outbox retry 7", "greenlane outbox retry: the following arguments are required: --why"),
        ("abacus", "greenlane: argument COMMAND: there is no 'abacus'; choose one of: simulate, demo, read"),
        (
            "demo --live --port ８０８０ --loud",
            "greenlane demo: argument --port: '８０８０' is not a port from 1024 to 65534",
        ),
        ("station --upstream http://s --deadline nan", "greenlane station: argument --deadline: 'nan': write a number"),
    ],
)
def test_wrong_usage_is_one_sentence_of_the_command_that_it_is_of(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage of every option stood above it, and what a command did not know was told as of greenlane alone."""
    first, second = wrongly_typed(capsys, *words.split()).splitlines()
    assert first.startswith(said)
    assert ("did you mean" in first) == ("did you mean" in said), "nothing far off is proposed"
    assert second == f"see {first.partition(':')[0]} --help"


@pytest.mark.parametrize("words", [(), ("admin",), ("admin", "card"), ("outbox",)], ids=" ".join)
def test_a_command_of_commands_shows_them(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    shown = capsys.readouterr().out
    assert wrongly_typed(capsys, *words) == shown


def test_every_engine_option_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["simulate"],
        ["read"],
        ["replay"],
        ["calibrate"],
        ["bench"],
        ["bench", "lane"],
        ["bench", "efficiency"],
    ):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        shown = " ".join(capsys.readouterr().out.split())
        assert " --engine NAME what runs the networks: opencv, onnxruntime, easyocr (default: " in shown, words


@pytest.mark.parametrize("words", [["", "--title", "x"], ["S1", "--zone", "Mars"], ["S1", "--preset", "0"]])
def test_a_station_that_cannot_be_makes_no_database(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = tmp_path / "books.sqlite3"
    assert main(["admin", "--database", f"sqlite:///{books}", "station", "set", *words]) == 1
    assert "a new database was made" not in capsys.readouterr().err
    assert not books.exists()
