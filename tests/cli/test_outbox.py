"""The operator's way to parked messages."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.outbound.outbox import MessageState, Outbox
from controller.outbound.statefile import StateFile
from greenlane import cli
from greenlane.wiring import STATE_FILE


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A state folder with two parked messages, 1 and 2, and one that waits."""
    clock = ManualClock()
    with StateFile(tmp_path / STATE_FILE, clock) as state:
        outbox = Outbox(state, clock)
        for n in (1, 2, 3):
            outbox.put("fuelling", f"d1/{n}", {"sequence": n})
        outbox.park(1, "impossible_fuelling", "it ends before it starts")
        outbox.park(2, "unknown_dispenser", "d1")
    return tmp_path / "traces"


def explain(place: Path, *words: str) -> int:
    return cli.main(["explain", *words, "--traces", str(place)])


def state_of(place: Path, number: int) -> tuple[MessageState, list[tuple[str, str, str]]]:
    clock = ManualClock()
    with StateFile(place.parent / STATE_FILE, clock) as state:
        outbox = Outbox(state, clock)
        found = outbox.find("fuelling", f"d1/{number}")
        assert found is not None
        return found.state, [(a.action, a.who, a.why) for a in outbox.actions(number)]


def test_parked_messages_are_listed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(place, "--parked") == 0
    out = capsys.readouterr().out
    assert "fuelling d1/1: impossible_fuelling (it ends before it starts)" in out
    assert len(out.splitlines()) == 2
    assert explain(place, "--parked", "--json") == 0
    assert [m["id"] for m in json.loads(capsys.readouterr().out)] == [1, 2]


def test_one_is_retried_and_one_given_up(place: Path) -> None:
    assert explain(place, "--retry", "1", "--who", "li", "--why", "mended") == 0
    assert explain(place, "--discard", "2", "--who", "li", "--why", "posted by hand") == 0
    assert state_of(place, 1) == (MessageState.WAITING, [("retry", "li", "mended")])
    assert state_of(place, 2) == (MessageState.DISCARDED, [("discard", "li", "posted by hand")])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--discard", "1"], "needs a name and a reason"),
        (["--retry", "3"], "not one that was refused for good"),
        (["--retry", "99"], "not one that was refused for good"),
    ],
)
def test_what_must_not_be_is_refused(
    place: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(place, *words) == 1
    assert said in capsys.readouterr().err


def outbox(place: Path, *words: str) -> int:
    return cli.main(["outbox", *words, "--state", str(place.parent)])


def test_the_command_lists_what_waits_and_what_was_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outbox(place, "list") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:3] == ["1 waiting: they go out when the service answers", "     3  fuelling d1/3", out[2]]
    assert out[2].startswith("2 refused for good")
    assert out[3].endswith("fuelling d1/1: impossible_fuelling (it ends before it starts)")
    assert outbox(place, "list", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [[m["id"] for m in document[name]] for name in ("waiting", "parked")] == [[3], [1, 2]]


def test_the_command_retries_and_gives_up(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outbox(place, "retry", "1", "--who", "li", "--why", "mended") == 0
    assert outbox(place, "discard", "2", "--who", "li", "--why", "posted by hand") == 0
    assert state_of(place, 1) == (MessageState.WAITING, [("retry", "li", "mended")])
    assert state_of(place, 2) == (MessageState.DISCARDED, [("discard", "li", "posted by hand")])
    assert outbox(place, "retry", "3", "--why", "x") == 1
    assert "not one that was refused for good" in capsys.readouterr().err


def test_the_trail_says_who_did_what_and_why(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outbox(place, "trail") == 0
    assert capsys.readouterr().out == "nobody has sent a refused message again or given one up\n"
    outbox(place, "retry", "1", "--who", "li", "--why", "mended")
    outbox(place, "discard", "2", "--who", "wang", "--why", "posted by hand")
    capsys.readouterr()
    assert outbox(place, "trail") == 0
    given_up, sent_again = capsys.readouterr().out.splitlines()
    assert given_up.startswith("     2  20")
    assert given_up.endswith("  wang  given up  fuelling d1/2: posted by hand")
    assert sent_again.endswith("  li  sent again  fuelling d1/1: mended")
    assert outbox(place, "trail", "--limit", "1", "--json") == 0
    (newest,) = json.loads(capsys.readouterr().out)
    assert (newest.pop("at")[:2], newest) == (
        "20",
        {"message": 2, "action": "discard", "who": "wang", "why": "posted by hand", "kind": "fuelling", "key": "d1/2"},
    )


def test_the_trail_outlives_the_message(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A message that the service took in the end is forgotten after some weeks; who helped it is not."""
    outbox(place, "retry", "1", "--who", "li", "--why", "mended")
    clock = ManualClock()
    with StateFile(place.parent / STATE_FILE, clock) as state:
        kept = Outbox(state, clock)
        kept.sent(1, None)
        assert kept.forget_sent(clock.now() + timedelta(days=1)) == 1
    capsys.readouterr()
    assert outbox(place, "trail") == 0
    assert capsys.readouterr().out.endswith("  li  sent again  message: mended\n")


def test_times_have_the_zone_of_the_lanes_settings(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = place.parent / "lane.toml"
    config.write_text(
        f'\ufeff[lane]\nzone = "Asia/Kathmandu"\n[trace]\nstate_dir = "{place.parent}"\n', encoding="utf-8"
    )
    assert cli.main(["outbox", "list", "--config", str(config)]) == 0
    assert "+05:45  fuelling d1/1" in capsys.readouterr().out


def test_without_an_outbox_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(tmp_path / "traces", "--parked") == 1
    assert "there is no outbox" in capsys.readouterr().err
