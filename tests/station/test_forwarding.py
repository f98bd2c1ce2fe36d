"""With the line up, the station is a pane of glass between lane units and the server."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from fastapi.testclient import TestClient

from controller.errors import Rejected
from controller.outbound.key_pair import KeyPair
from service.books.messages import Ask, Done, Refused, Release, Renew
from service.errors import Unavailable
from service.identity.signed.devices import Place
from service.identity.signed.signatures import SignatureRefused
from tests.service.identity.kit import signed
from tests.station.rig import PATIENCE_S, StationRig
from wire.devices import DeviceKind, EnrolmentRequest, KeyRotation
from wire.questions import Decision
from wire.reasons import ErrorCode, Reason, Verdict


def test_a_visit_goes_through(rig: StationRig) -> None:
    decision = rig.ask()
    assert (decision.decision, decision.reason, decision.limit_fen) == (Verdict.ALLOW, Reason.OK, 10_000)
    assert decision.authorisation is not None
    renewed = rig.answer(Renew(decision.authorisation))
    assert isinstance(renewed, Decision)
    assert renewed.decision is Verdict.ALLOW
    rig.start_courier()
    receipt = rig.report(rig.fuelling(decision, 8_000))
    assert (receipt.captured_fen, receipt.released_fen, receipt.flags) == (8_000, 2_000, ())
    assert rig.card().balance_fen == 10**9 - 8_000
    assert rig.findings() == ()


def test_a_release_goes_through(rig: StationRig) -> None:
    decision = rig.ask()
    assert rig.card().held_fen == 10_000
    assert rig.answer(Release(decision.authorisation or "")) == Done()
    assert rig.card().held_fen == 0


def test_refusals_are_the_servers_own(rig: StationRig) -> None:
    assert rig.ask("粤B99999").reason is Reason.UNKNOWN_PLATE
    missing = rig.answer(Renew("a1-none"))
    assert isinstance(missing, Refused)
    assert missing.code is ErrorCode.UNKNOWN_AUTHORISATION


def test_the_same_visit_gets_the_same_answer_and_other_content_none(rig: StationRig) -> None:
    question = rig.question()
    first = rig.answer(Ask(question))
    rig.restart()
    assert rig.answer(Ask(question)) == first
    other = rig.answer(Ask(rig.question(visit=question.visit, lane="L2")))
    assert isinstance(other, Refused)
    assert other.code is ErrorCode.KEY_REUSED


def test_prices_are_the_servers_and_outlive_the_line(rig: StationRig) -> None:
    assert rig.wiring.control.prices("S9") is None
    first = rig.wiring.control.prices("S1")
    assert [p.product for p in first or ()] == ["92"]
    rig.cut()
    assert rig.wiring.control.prices("S1") == first
    rig.restart()
    assert rig.wiring.control.prices("S1") == first


def test_without_line_and_prices_there_is_a_clear_answer(rig: StationRig) -> None:
    rig.cut()
    with pytest.raises(Unavailable, match="no prices are known"):
        rig.wiring.control.prices("S1")


def test_health_tells_the_line_and_does_not_fail_with_it(rig: StationRig) -> None:
    assert rig.wiring.control.health()["line"] == "up"
    rig.cut()
    rig.step(1)
    assert rig.wiring.control.health()["line"] == "down"
    rig.mend()
    rig.step(1)
    assert rig.wiring.control.health()["line"] == "up"


def test_a_lanes_new_key_replaces_the_old_one_here_and_there(rig: StationRig) -> None:
    """Through a line that is cut between the change and the new key's first word."""
    old, new = rig.server.enrol(DeviceKind.LANE), KeyPair.make()
    rig.step()
    body = {
        "public_key": new.public_text,
        "proof": new.rotation_proof(old.key_id),
        "consent": old.rotation_consent(new.key_id),
    }
    with TestClient(rig.wiring.app) as client:
        assert signed(old, rig.clock, "POST", "/v1/keys", body).send(client).status_code == 200
        rig.cut()
        assert signed(old, rig.clock, "GET", "/v1/prices?station=S1").send(client).status_code in (200, 503)
        assert signed(new, rig.clock, "GET", "/v1/prices?station=S1").send(client).status_code in (200, 503)
        assert signed(old, rig.clock, "GET", "/v1/prices?station=S1").send(client).status_code == 401
        assert rig.server.identity.keys.find(old.key_id), "the server does not know yet"
        rig.mend()
        rig.step()
        with pytest.raises(SignatureRefused, match="revoked"):
            rig.server.identity.keys.find(old.key_id)
        assert not rig.server.identity.keys.find(new.key_id).waiting
        assert signed(new, rig.clock, "GET", "/v1/prices?station=S1").send(client).status_code == 200


def test_a_stolen_station_gives_no_lane_a_key(rig: StationRig) -> None:
    """Neither without the lane's word, nor with its word for another key; and a lane of before is told what to do."""
    lane, thiefs, other = rig.server.enrol(DeviceKind.LANE), KeyPair.make(), KeyPair.make()
    proof = thiefs.rotation_proof(lane.key_id)
    made = KeyRotation(public_key=thiefs.public_text, proof=proof, relayed_for=lane.key_id)
    for consent in (None, proof, lane.rotation_consent(other.key_id), other.rotation_consent(thiefs.key_id)):
        with pytest.raises(Rejected, match="consent") as caught:
            rig.wiring.upstream.rotate(replace(made, consent=consent), PATIENCE_S)
        assert caught.value.reason in (ErrorCode.FORBIDDEN, ErrorCode.UNAUTHENTICATED)
    with pytest.raises(Rejected):
        rig.wiring.upstream.spoken(thiefs.key_id, PATIENCE_S)
    assert rig.server.identity.keys.find(lane.key_id)
    rig.step()
    old = {"public_key": thiefs.public_text, "proof": proof}
    with TestClient(rig.wiring.app) as client:
        answer = signed(lane, rig.clock, "POST", "/v1/keys", old).send(client)
        assert answer.status_code == 403
        assert "upgrade the unit, or enrol it anew" in answer.json()["detail"]
        assert signed(lane, rig.clock, "GET", "/v1/prices?station=S1").send(client).status_code == 200


def test_a_station_speaks_for_no_other_stations_devices(rig: StationRig) -> None:
    stranger, new = rig.server.enrol(DeviceKind.LANE, "S2"), KeyPair.make()
    proof = new.rotation_proof(stranger.key_id)
    rotation = KeyRotation(public_key=new.public_text, proof=proof, relayed_for=stranger.key_id)
    with pytest.raises(Rejected, match="may not speak for that device"):
        rig.wiring.upstream.rotate(rotation, PATIENCE_S)
    with pytest.raises(Rejected, match="may not speak for that device"):
        rig.wiring.upstream.spoken(stranger.key_id, PATIENCE_S)
    code = rig.server.identity.devices.issue_code(Place(DeviceKind.LANE, "S2", "L9"), "test")
    with pytest.raises(Rejected, match="wrong, used or expired"):
        rig.wiring.upstream.enrol(EnrolmentRequest(code=code, public_key=new.public_text), PATIENCE_S)
    code = rig.server.identity.devices.issue_code(Place(DeviceKind.STATION, "S1", None), "test", replaces=True)
    with pytest.raises(Rejected, match="wrong, used or expired"):
        rig.wiring.upstream.enrol(EnrolmentRequest(code=code, public_key=new.public_text), PATIENCE_S)


def test_a_lane_does_not_speak_for_another_device(rig: StationRig) -> None:
    lane, other, new = rig.server.enrol(DeviceKind.LANE), rig.server.enrol(DeviceKind.PANEL), KeyPair.make()
    body = {"public_key": new.public_text, "proof": new.rotation_proof(other.key_id), "relayed_for": other.key_id}
    answer = signed(lane, rig.clock, "POST", "/v1/keys", body, rig.cable.host)
    with httpx.Client(base_url=rig.cable.url, timeout=30) as server:
        assert answer.send(server).status_code == 403  # type: ignore[arg-type]


def test_a_strangers_wrong_code_does_not_shut_the_station_out(rig: StationRig) -> None:
    stranger = KeyPair.make()
    body = {"code": "0000-0000-0000", "public_key": stranger.public_text}
    with TestClient(rig.wiring.app) as client:
        answer = signed(stranger, rig.clock, "POST", "/v1/enrolments", body).send(client)
        assert (answer.status_code, "wrong, used or expired" in answer.json()["detail"]) == (401, True)
        assert rig.wiring.uplink.state.up
        rig.cut()
        answer = signed(stranger, rig.clock, "POST", "/v1/enrolments", body).send(client)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
