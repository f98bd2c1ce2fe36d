"""Only what is not the server's own answer opens the offline list: a server that fails at a message is still there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.books.messages import Ask, Renew
from service.errors import ServiceError, Unavailable
from tests.station.cable import Fault
from tests.station.conftest import prepared
from tests.station.rig import StationRig
from wire.questions import Decision
from wire.reasons import Reason, Verdict


@pytest.fixture
def rig(migrated_file: Path, tmp_path: Path) -> Iterator[StationRig]:
    with StationRig(prepared(migrated_file, tmp_path)).open() as opened:
        opened.step()
        assert opened.wiring.lists.held.why_not is None
        yield opened


@pytest.mark.parametrize("fault", [Fault.OWN_500, Fault.OWN_NEW])
def test_the_servers_own_error_allows_nobody(rig: StationRig, fault: Fault) -> None:
    """A card blocked a moment ago is on the list still; 1,143 of 1,412 questions for one were allowed that way."""
    rig.cut(fault)
    for _ in range(3):
        with pytest.raises(ServiceError, match="failed at this message") as refused:
            rig.answer(Ask(rig.question()))
        assert not isinstance(refused.value, Unavailable)
        assert rig.wiring.uplink.state.up
    with pytest.raises(ServiceError):
        rig.answer(Renew("a-1"))
    rig.mend()
    assert rig.ask().reason is Reason.OK


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "fault",
    [Fault.OWN_503, Fault.PLAIN_500, Fault.ERROR, Fault.NONSENSE, Fault.REDIRECT, Fault.REFUSED, Fault.HALF],
)
def test_what_is_not_the_servers_answer_opens_the_list(rig: StationRig, fault: Fault) -> None:
    rig.cut(fault)
    answer = rig.answer(Ask(rig.question()))
    assert isinstance(answer, Decision)
    assert (answer.decision, answer.reason) == (Verdict.ALLOW, Reason.OFFLINE_ALLOWED)
    assert not rig.wiring.uplink.state.up
