"""Numbers on the command line: beyond what any store holds they are told, by every command that takes one."""

from __future__ import annotations

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


def test_the_order_of_payers_has_bounds_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["admin", "payer", "set", "粤B12345", "Chen", "--hours", "0-8", "--order", BEYOND])
    assert "write a whole number from -1000 to" in capsys.readouterr().err
