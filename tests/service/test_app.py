"""The service over real HTTP on loopback: routes, error bodies, hostile bodies and the OpenAPI document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenlane.cli import main
from service.admin.admin import Admin
from service.app import create_app
from service.books.books import Books
from service.http.openapi import EXAMPLES
from service.identity.guard import EMBEDDED
from service.reports.statement import cards, rejected
from service.server import running
from service.store.database import Database
from tests.service.world import PLATE, ManualClock, Pump
from wire.codec import decode, encode
from wire.fuellings import Fuelling, FuellingReceipt, Price
from wire.questions import Decision, Question
from wire.reasons import ErrorCode
from wire.versions import WIRE_HEADER

JSON = {"Content-Type": "application/json"}


@dataclass
class Served:
    """A running service with a station, a card of 500 yuan and a price."""

    url: str
    books: Books
    clock: ManualClock

    def post(self, path: str, body: object = None) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=30)

    def question(self, **changes: object) -> dict[str, Any]:
        example = {**EXAMPLES["Question"], "captured_at": self.clock.now().isoformat()}
        return {**example, **changes}


@pytest.fixture
def served(sqlite_url: str) -> Iterator[Served]:
    clock = ManualClock()
    app = create_app(sqlite_url, clock, guard=EMBEDDED)
    office = Admin(app.state.books, "tester")
    office.stations.set("S1")
    office.cards.create("C1")
    office.plates.bind(PLATE, "C1")
    office.money.top_up("C1", 50_000)
    office.stations.set_price("S1", "92", 790)
    with running(app) as url:
        yield Served(url, app.state.books, clock)


def test_a_visit_from_question_to_receipt(served: Served) -> None:
    answer = served.post("/v1/authorisations", served.question())
    decision = decode(Decision, answer.json())
    assert (answer.status_code, decision.limit_fen) == (200, 10_000)
    renewed = decode(Decision, served.post(f"/v1/authorisations/{decision.authorisation}/renew").json())
    assert renewed.authorisation == decision.authorisation
    fuelling = Pump("D1").fuelling(served.clock, 10_000, authorisation=decision.authorisation)
    first = served.post("/v1/fuellings", encode(fuelling))
    receipt = decode(FuellingReceipt, first.json())
    assert (receipt.charged_fen, receipt.balance_fen) == (8_000, 42_000)
    assert served.post("/v1/fuellings", encode(fuelling)).json() == first.json()
    assert served.post(f"/v1/authorisations/{decision.authorisation}/release").status_code == 204
    assert cards(served.books.database, "C1")[0].available_fen == 42_000


@pytest.mark.sample(2)
@pytest.mark.parametrize(("beyond_fen", "decision"), [(-1, "refuse"), (0, "allow"), (1, "allow")])
def test_exactly_the_preset_amount_is_enough(served: Served, sqlite_url: str, beyond_fen: int, decision: str) -> None:
    """Paid in by the operator's command, asked over HTTP."""
    yuan = f"{(10_000 + beyond_fen) // 100}.{(10_000 + beyond_fen) % 100:02d}"
    for words in (("card", "create", "C9"), ("plate", "bind", "粤B00009", "C9"), ("top-up", "C9", yuan)):
        assert main(["admin", "--database", sqlite_url, *words]) == 0
    answer = decode(Decision, served.post("/v1/authorisations", served.question(plate="粤B00009")).json())
    assert answer.decision == decision
    assert answer.reason == ("ok" if decision == "allow" else "below_preset")
    assert answer.limit_fen == (10_000 if decision == "allow" else None)
    held_fen = cards(served.books.database, "C9")[0].held_fen
    assert held_fen == (10_000 if decision == "allow" else 0)


@pytest.mark.slow
def test_no_amount_is_beyond_what_a_record_carries(
    served: Served, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A card filled to the brim is still answered and charged; one fen more is refused by every way of paying in."""
    admin = ["admin", "--database", sqlite_url]
    for words in (("card", "create", "C9", "--whole-balance"), ("plate", "bind", "粤B00009", "C9")):
        assert main([*admin, *words]) == 0
    assert main([*admin, "top-up", "C9", "9999999999.99"]) == 0
    assert main([*admin, "top-up", "C9", "0.01"]) == 0
    capsys.readouterr()
    for words in (("top-up", "C9", "0.01"), ("correct", "C9", "+0.01", "--note", "x"), ("top-up", "C9", "10000000000")):
        assert main([*admin, *words]) == 1
        assert "holds at most 10000000000.00 yuan" in capsys.readouterr().err
    answer = decode(Decision, served.post("/v1/authorisations", served.question(plate="粤B00009")).json())
    assert answer.limit_fen == 10**12
    fuelled = Pump("D1").fuelling(served.clock, 10_000, authorisation=answer.authorisation, plate="粤B00009")
    receipt = decode(FuellingReceipt, served.post("/v1/fuellings", encode(fuelled)).json())
    assert receipt.balance_fen == 10**12 - 8_000


def test_prices_and_health(served: Served) -> None:
    prices = requests.get(served.url + "/v1/prices", params={"station": "S1"}, timeout=30).json()
    assert [decode(Price, p) for p in prices] == [Price(product="92", unit_price_fen_per_l=790)]
    assert requests.get(served.url + "/healthz", timeout=30).status_code == 200
    missing = requests.get(served.url + "/v1/prices", params={"station": "S9"}, timeout=30)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_station")
    none = requests.get(served.url + "/v1/prices", timeout=30)
    assert (none.status_code, none.json()["code"]) == (400, "malformed")


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("path", "change", "status", "code"),
    [
        ("/v1/authorisations", {"station": "S9"}, 404, "unknown_station"),
        ("/v1/authorisations", {"typed": "no"}, 400, "malformed"),
        ("/v1/authorisations", {"extra": 1}, 400, "malformed"),
        ("/v1/authorisations", {"captured_at": "yesterday"}, 400, "malformed"),
        ("/v1/authorisations", {"confidence": 2}, 400, "malformed"),
        ("/v1/authorisations/none/renew", {}, 404, "unknown_authorisation"),
        ("/v1/authorisations/none/release", {}, 404, "unknown_authorisation"),
        ("/v1/nothing", {}, 404, "not_found"),
    ],
)
def test_refused_messages_have_a_code(
    served: Served, path: str, change: dict[str, Any], status: int, code: str
) -> None:
    answer = served.post(path, served.question(**change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]


def test_reused_keys_and_impossible_fuellings(served: Served) -> None:
    served.post("/v1/authorisations", served.question())
    again = served.post("/v1/authorisations", served.question(lane="L2"))
    assert (again.status_code, again.json()["code"]) == (409, "key_reused")
    start = served.clock.now()
    fuelling = encode(Pump("D1").fuelling(served.clock, 10, started_at=start, ended_at=start - timedelta(seconds=1)))
    refused = served.post("/v1/fuellings", fuelling)
    assert (refused.status_code, refused.json()["code"]) == (422, "impossible_fuelling")


def test_another_lanes_dispenser_has_a_code_of_its_own_and_an_older_one_for_older_peers(served: Served) -> None:
    pump = Pump("D1")
    assert served.post("/v1/fuellings", encode(pump.fuelling(served.clock, 1_000))).status_code == 200
    stranger = encode(pump.fuelling(served.clock, 1_000, lane="L2"))
    codes = []
    for version in ("1", "2"):
        headers = {**JSON, WIRE_HEADER: version}
        answer = requests.post(f"{served.url}/v1/fuellings", json=stranger, headers=headers, timeout=30)
        codes.append((answer.status_code, answer.json()["code"]))
    assert codes == [(409, "key_reused"), (409, "other_lanes_dispenser")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b'{"visit": NaN}', 400),
        (b"[" * 5_000, 400),
        (b" " * 70_000, 413),
        (json.dumps({**EXAMPLES["Fuelling"], "volume_ml": 10**400}).encode(), 400),
        (json.dumps({**EXAMPLES["Fuelling"], "lane": "\x00"}).encode(), 400),
        (json.dumps({**EXAMPLES["Fuelling"], "lane": "\ud800"}).encode(), 400),
    ],
)
def test_bodies_that_cannot_be_read(served: Served, body: bytes, status: int) -> None:
    for path in ("/v1/authorisations", "/v1/fuellings"):
        answer = requests.post(served.url + path, data=body, headers=JSON, timeout=30)
        code = ErrorCode.TOO_LARGE if status == 413 else ErrorCode.MALFORMED
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert [r["code"] for r in rejected(served.books.database, None, None)] == [code]


def test_the_service_outlives_its_database(served: Served) -> None:
    """A database that is away is told as 503 with the reason, and needs no restart when it is back."""
    question = served.question()
    broken = Database("sqlite:////nowhere/at/all.sqlite3")
    whole, served.books.database = served.books.database, broken
    answer = served.post("/v1/authorisations", question)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "unable to open" in answer.json()["detail"]
    served.books.database = whole
    assert served.post("/v1/authorisations", question).status_code == 200


MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        name: st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=60)
        | st.lists(st.text(), max_size=3)
        for name in {**EXAMPLES["Question"], **EXAMPLES["Fuelling"]}
    },
)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=MESSAGE, record=st.sampled_from(["Question", "Fuelling"]))
def test_no_message_breaks_the_service(served: Served, change: dict[str, Any], record: str) -> None:
    path = "/v1/authorisations" if record == "Question" else "/v1/fuellings"
    known = {name: value for name, value in change.items() if name in EXAMPLES[record]}
    answer = requests.post(served.url + path, data=json.dumps({**EXAMPLES[record], **known}), headers=JSON, timeout=30)
    assert answer.status_code in (200, 400, 404, 409, 422)
    assert "code" in answer.json() or answer.status_code == 200


def test_openapi_names_every_error_and_its_examples_can_be_read(served: Served) -> None:
    document = requests.get(served.url + "/openapi.json", timeout=30).json()
    for record in (Question, Decision, Fuelling, FuellingReceipt, Price):
        decode(record, EXAMPLES[record.__name__])
        assert document["components"]["schemas"][record.__name__]["properties"].keys() == {
            f.name for f in dataclasses.fields(record)
        }
    paths = document["paths"]
    assert {"400", "404", "409", "413", "503"} <= paths["/v1/authorisations"]["post"]["responses"].keys()
    assert {"400", "404", "409", "413", "422", "503"} <= paths["/v1/fuellings"]["post"]["responses"].keys()
    for path in ("/v1/authorisations", "/v1/fuellings"):
        assert "example" in paths[path]["post"]["requestBody"]["content"]["application/json"]


STATUSES = {
    ErrorCode.MALFORMED: {400, 408},
    ErrorCode.UNAUTHENTICATED: {401},
    ErrorCode.FORBIDDEN: {403},
    ErrorCode.UNKNOWN_STATION: {404},
    ErrorCode.UNKNOWN_AUTHORISATION: {404},
    ErrorCode.NOT_FOUND: {404},
    ErrorCode.KEY_REUSED: {409},
    ErrorCode.OTHER_LANES_DISPENSER: {409},
    ErrorCode.CONFLICT: {409},
    ErrorCode.TOO_LARGE: {413},
    ErrorCode.IMPOSSIBLE_FUELLING: {422},
    ErrorCode.UNKNOWN_DISPENSER: {422},
    ErrorCode.THROTTLED: {429},
    ErrorCode.INTERNAL: {500},
    ErrorCode.UNAVAILABLE: {503},
}


def error_examples(document: Any) -> dict[tuple[str, str, str], dict[str, str]]:
    """Method, path and status -> the example of that error answer."""
    found = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if "Problem" in str(answer.get("content")):
                    found[method, path, status] = answer["content"]["application/json"]["example"]
    return found


def test_every_error_example_is_of_its_own_code(served: Served) -> None:
    examples = error_examples(requests.get(served.url + "/openapi.json", timeout=30).json())
    assert len(examples) > 50
    for (method, path, status), example in examples.items():
        assert int(status) in STATUSES[ErrorCode(example["code"])], (method, path, status, example)


@pytest.mark.parametrize(
    ("method", "path", "url"),
    [
        ("get", "/v1/prices", "/v1/prices?station=S9"),
        ("post", "/v1/authorisations/{authorisation}/renew", "/v1/authorisations/a0/renew"),
        ("post", "/v1/authorisations/{authorisation}/release", "/v1/authorisations/a0/release"),
    ],
)
def test_an_error_example_is_what_the_route_answers(served: Served, method: str, path: str, url: str) -> None:
    examples = error_examples(requests.get(served.url + "/openapi.json", timeout=30).json())
    answer = requests.request(method, served.url + url, timeout=30)
    assert answer.json()["code"] == examples[method, path, str(answer.status_code)]["code"]


def test_no_operation_and_no_field_has_left_the_document(served: Served) -> None:
    """openapi_names.txt has what was documented before phones stood in it; programs have been made from that."""
    document = requests.get(served.url + "/openapi.json", timeout=30).json()
    schemas = document["components"]["schemas"].items()
    named = {f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations}
    named |= {f"schema {name}.{field}" for name, schema in schemas for field in schema.get("properties", {})}
    known = Path(__file__).with_name("openapi_names.txt").read_text(encoding="utf-8").split("\n")
    assert len(known) > 200
    assert set(filter(None, known)) - named == set()


def test_the_document_explains_the_key_id(served: Served) -> None:
    received = requests.get(served.url + "/openapi.json", timeout=30).json()["components"]["securitySchemes"][
        "signature"
    ]["description"]
    assert "keyid is the JWK thumbprint" in received
