"""With the line up, the station is a pane of glass between lane units and the server."""

from __future__ import annotations

import httpx
import pytest
from fastapi.testclient import TestClient

from controller.errors import Rejected
from controller.outbound.signing import DeviceKey
from service.books.messages import Ask, Done, Refused, Release, Renew
from service.errors import Unavailable
from service.identity.devices import Place
from service.identity.signatures import SignatureRefused
from tests.service.identity.kit import signed
from tests.station.street import Street
from wire.devices import DeviceKind, EnrolmentRequest, KeyRotation
from wire.questions import Decision
from wire.reasons import ErrorCode, Reason, Verdict


def test_a_visit_goes_through(street: Street) -> None:
    decision = street.ask()
    assert (decision.decision, decision.reason, decision.limit_fen) == (Verdict.ALLOW, Reason.OK, 10_000)
    assert decision.authorisation is not None
    renewed = street.answer(Renew(decision.authorisation))
    assert isinstance(renewed, Decision)
    assert renewed.decision is Verdict.ALLOW
    street.start_courier()
    receipt = street.report(street.fuelling(decision, 8_000))
    assert (receipt.captured_fen, receipt.released_fen, receipt.flags) == (8_000, 2_000, ())
    assert street.card().balance_fen == 10**9 - 8_000
    assert street.findings() == ()


def test_a_release_goes_through(street: Street) -> None:
    decision = street.ask()
    assert street.card().held_fen == 10_000
    assert street.answer(Release(decision.authorisation or "")) == Done()
    assert street.card().held_fen == 0


def test_refusals_are_the_servers_own(street: Street) -> None:
    assert street.ask("粤B99999").reason is Reason.UNKNOWN_PLATE
    missing = street.answer(Renew("a1-none"))
    assert isinstance(missing, Refused)
    assert missing.code is ErrorCode.UNKNOWN_AUTHORISATION


def test_the_same_visit_gets_the_same_answer_and_other_content_none(street: Street) -> None:
    question = street.question()
    first = street.answer(Ask(question))
    street.restart()
    assert street.answer(Ask(question)) == first
    other = street.answer(Ask(street.question(visit=question.visit, lane="L2")))
    assert isinstance(other, Refused)
    assert other.code is ErrorCode.KEY_REUSED


def test_prices_are_the_servers_and_outlive_the_line(street: Street) -> None:
    assert street.house.control.prices("S9") is None
    first = street.house.control.prices("S1")
    assert [p.product for p in first or ()] == ["92"]
    street.cut()
    assert street.house.control.prices("S1") == first
    street.restart()
    assert street.house.control.prices("S1") == first


def test_without_line_and_prices_there_is_a_clear_answer(street: Street) -> None:
    street.cut()
    with pytest.raises(Unavailable, match="no prices are known"):
        street.house.control.prices("S1")


def test_health_tells_the_line_and_does_not_fail_with_it(street: Street) -> None:
    assert street.house.control.health()["line"] == "up"
    street.cut()
    street.step(1)
    assert street.house.control.health()["line"] == "down"
    street.mend()
    street.step(1)
    assert street.house.control.health()["line"] == "up"


def test_a_lanes_new_key_replaces_the_old_one_here_and_there(street: Street) -> None:
    """Through a line that is cut between the change and the new key's first word."""
    old, new = street.server.enrol(DeviceKind.LANE), DeviceKey.make()
    street.step()
    body = {"public_key": new.public_text, "proof": new.rotation_proof(old.key_id)}
    with TestClient(street.house.app) as client:
        assert signed(old, street.clock, "POST", "/v1/keys", body).send(client).status_code == 200
        street.cut()
        assert signed(old, street.clock, "GET", "/v1/prices?station=S1").send(client).status_code in (200, 503)
        assert signed(new, street.clock, "GET", "/v1/prices?station=S1").send(client).status_code in (200, 503)
        assert signed(old, street.clock, "GET", "/v1/prices?station=S1").send(client).status_code == 401
        assert street.server.identity.keys.find(old.key_id), "the server does not know yet"
        street.mend()
        street.step()
        with pytest.raises(SignatureRefused, match="revoked"):
            street.server.identity.keys.find(old.key_id)
        assert not street.server.identity.keys.find(new.key_id).waiting
        assert signed(new, street.clock, "GET", "/v1/prices?station=S1").send(client).status_code == 200


def test_a_station_speaks_for_no_other_stations_devices(street: Street) -> None:
    stranger, new = street.server.enrol(DeviceKind.LANE, "S2"), DeviceKey.make()
    proof = new.rotation_proof(stranger.key_id)
    rotation = KeyRotation(public_key=new.public_text, proof=proof, relayed_for=stranger.key_id)
    with pytest.raises(Rejected, match="may not speak for that device"):
        street.house.upstream.rotate(rotation, 5.0)
    with pytest.raises(Rejected, match="may not speak for that device"):
        street.house.upstream.spoken(stranger.key_id, 5.0)
    code = street.server.identity.devices.issue_code(Place(DeviceKind.LANE, "S2", "L9"), "test")
    with pytest.raises(Rejected, match="wrong, used or expired"):
        street.house.upstream.enrol(EnrolmentRequest(code=code, public_key=new.public_text), 5.0)
    code = street.server.identity.devices.issue_code(Place(DeviceKind.STATION, "S1", None), "test", replaces=True)
    with pytest.raises(Rejected, match="wrong, used or expired"):
        street.house.upstream.enrol(EnrolmentRequest(code=code, public_key=new.public_text), 5.0)


def test_a_lane_does_not_speak_for_another_device(street: Street) -> None:
    lane, other, new = street.server.enrol(DeviceKind.LANE), street.server.enrol(DeviceKind.PANEL), DeviceKey.make()
    body = {"public_key": new.public_text, "proof": new.rotation_proof(other.key_id), "relayed_for": other.key_id}
    answer = signed(lane, street.clock, "POST", "/v1/keys", body, street.cable.host)
    with httpx.Client(base_url=street.cable.url) as server:
        assert answer.send(server).status_code == 403  # type: ignore[arg-type]


def test_a_strangers_wrong_code_does_not_shut_the_station_out(street: Street) -> None:
    stranger = DeviceKey.make()
    body = {"code": "0000-0000-0000", "public_key": stranger.public_text}
    with TestClient(street.house.app) as client:
        answer = signed(stranger, street.clock, "POST", "/v1/enrolments", body).send(client)
        assert (answer.status_code, "wrong, used or expired" in answer.json()["detail"]) == (401, True)
        assert street.house.line.state.up
        street.cut()
        answer = signed(stranger, street.clock, "POST", "/v1/enrolments", body).send(client)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
