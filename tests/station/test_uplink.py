"""Up, down and barred: what each outcome of a call says about the line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controller.clock import ManualClock
from controller.errors import ClientError, Rejected, ServiceFailed, ServiceFault, ServiceSilent
from station.uplink import Uplink
from wire.reasons import ErrorCode

FAILED, BAD = ServiceFailed("500"), Rejected(ErrorCode.MALFORMED, "no text")
SILENT, FAULT = ServiceSilent("nothing"), ServiceFault("502")
REVOKED, NO_CODE = Rejected(ErrorCode.UNAUTHENTICATED, "revoked"), Rejected(ErrorCode.KEY_REUSED, "twice")


def raising(error: ClientError) -> Callable[[float], None]:
    def do(_deadline_s: float) -> None:
        raise error

    return do


def after(uplink: Uplink, error: ClientError | None, **options: bool) -> tuple[bool, bool]:
    """Up and barred after a call that ended so."""
    if error is None:
        uplink.ask(lambda s: None, 1.0, **options)
    else:
        with pytest.raises(type(error)):
            uplink.ask(raising(error), 1.0, **options)
    return uplink.state.up, uplink.state.barred


@pytest.mark.parametrize(
    ("error", "options", "state"),
    [
        (None, {}, (True, False)),
        (SILENT, {}, (False, False)),
        (FAULT, {}, (False, False)),
        (FAILED, {}, (True, False)),
        (BAD, {}, (True, False)),
        (NO_CODE, {}, (True, False)),
        (REVOKED, {}, (False, True)),
        (REVOKED, {"relayed": True}, (True, False)),
        (FAULT, {"only_silence": True}, (True, False)),
        (SILENT, {"only_silence": True}, (False, False)),
    ],
)
def test_what_a_call_says(error: ClientError | None, options: dict[str, bool], state: tuple[bool, bool]) -> None:
    assert after(Uplink(ManualClock()), error, **options) == state


@pytest.mark.parametrize("earlier", ["", "revoked long ago"])
def test_only_an_answer_lets_a_barred_station_in_again(earlier: str) -> None:
    uplink = Uplink(ManualClock(), earlier)
    after(uplink, REVOKED)
    for error in (SILENT, FAULT, FAILED, BAD, REVOKED):
        assert after(uplink, error) == (False, True)
    assert after(uplink, REVOKED, relayed=True) == (False, True), "that was about somebody else"
    assert after(uplink, None) == (True, False)


def test_changes_are_told_once_and_dated() -> None:
    clock, received = ManualClock(), []
    uplink = Uplink(clock)
    uplink.changed = lambda: received.append(uplink.state.up)
    for error in (None, SILENT, SILENT, None, None):
        clock.advance(10)
        after(uplink, error)
    assert received == [False, True]
    assert (clock.now() - uplink.state.since).total_seconds() == 10
