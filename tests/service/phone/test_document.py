"""The phones' routes stand in the OpenAPI document as they are: requests, answers, and each error of its own route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import requests
from fastapi.testclient import TestClient

from service.http.phone_examples import PHONE_EXAMPLES
from service.phone.mount import RECORDS
from service.server import running
from tests.service.identity.kit import ServiceRig
from tests.service.identity.test_contract import send_everything
from tests.service.phone.kit import PLATE, HttpPhone, fuel, person
from wire import phone as words
from wire.payers import ERASURE_WORDS

STREAM = "/v1/phone/events"


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    return ServiceRig(tmp_path)


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app) as opened:
        yield opened


def errors(rig: ServiceRig) -> dict[tuple[str, str, int], dict[str, str]]:
    """Method, path and status of a phone's route -> its error example."""
    found = {}
    for path, operations in rig.app.openapi()["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if path.startswith("/v1/phone/") and int(status) >= 400:
                    found[method.upper(), path, int(status)] = answer["content"]["application/json"]["example"]
    return found


def test_every_route_of_phones_is_in_the_document(rig: ServiceRig, phone_routes: list[tuple[str, str]]) -> None:
    paths = rig.app.openapi()["paths"]
    assert {(m.upper(), p) for p in paths if p.startswith("/v1/phone/") for m in paths[p]} == set(phone_routes)
    received = rig.app.openapi()["components"]["securitySchemes"]["phoneSignature"]["description"]
    for part in ("ecdsa-p256-sha256", 'tag="greenlane"', "Content-Digest: sha-256=", '"crv":"P-256"', "nonce"):
        assert part in received
    assert set(PHONE_EXAMPLES) <= {record.__name__ for record in RECORDS}
    said = {name for name, one in vars(words).items() if isinstance(one, type) and one.__module__ == words.__name__}
    assert said <= {record.__name__ for record in RECORDS}


def test_an_error_example_is_what_its_route_answers(rig: ServiceRig, client: TestClient) -> None:
    """Each is provoked; code and words are those of the document."""
    phone, other = person(rig, client, "A"), person(rig, client, "B", hours=None, plate="粤B11111")
    other.ask("POST", "/v1/phone/hours", {"plate": "粤B22222", "hours": "1-2"})
    charge = "/v1/phone/charges/{charge}"
    fuel(rig, 5_000)
    own = phone.ask("GET", "/v1/phone/charges").json()[0]["id"]
    not_theirs = other.word(own, 5_000)
    not_me = f"/v1/phone/plates/{quote(PLATE)}/not-me"
    tracks = f"/v1/phone/tracks/{quote(PLATE)}/agree"
    erasure = other.words(ERASURE_WORDS, "{}")
    hours = [{"plate": f"粤B{number:05}", "hours": "1-2"} for number in range(10)]
    tried = [
        ("GET", charge, 404, phone.ask("GET", "/v1/phone/charges/x")),
        ("GET", charge + "/picture", 404, phone.ask("GET", f"/v1/phone/charges/{own}/picture")),
        ("POST", charge + "/words", 404, phone.ask("POST", "/v1/phone/charges/x/words", phone.word("x", 5_000))),
        ("POST", charge + "/words", 403, phone.ask("POST", f"/v1/phone/charges/{own}/words", not_theirs)),
        ("POST", charge + "/words", 400, phone.ask("POST", f"/v1/phone/charges/{own}/words", phone.word("x", 5_000))),
        ("POST", "/v1/phone/mandates", 403, phone.ask("POST", "/v1/phone/mandates", other.mandate_text())),
        ("POST", "/v1/phone/mandates", 409, other.ask("POST", "/v1/phone/mandates", other.mandate_text(PLATE))),
        ("POST", "/v1/phone/mandates/{mandate}/{change}", 404, phone.ask("POST", "/v1/phone/mandates/x/end")),
        ("POST", "/v1/phone/hours", 400, phone.ask("POST", "/v1/phone/hours", {"plate": PLATE, "hours": "8 to 20"})),
        ("POST", "/v1/phone/hours", 409, [other.ask("POST", "/v1/phone/hours", one) for one in hours][-1]),
        ("POST", "/v1/phone/hours/{proposal}/{change}", 404, phone.ask("POST", "/v1/phone/hours/x/refuse")),
        (
            "POST",
            "/v1/phone/plates/{plate}/{change}",
            404,
            other.ask("POST", not_me),
        ),
        ("POST", "/v1/phone/tracks/{plate}/{change}", 409, other.ask("POST", tracks)),
        ("POST", "/v1/phone/erasure", 403, phone.ask("POST", "/v1/phone/erasure", erasure)),
        ("POST", "/v1/phone/erasure", 409, _erase(rig, client)),
        ("GET", "/v1/phone/me", 401, HttpPhone(rig, client).ask("GET", "/v1/phone/me")),
        ("POST", "/v1/phone/pairings", 400, HttpPhone(rig, client).pairing("X", consent="2020-01").send(client)),
        ("POST", "/v1/phone/pairings", 401, HttpPhone(rig, client).pairing("0000-0000-0000").send(client)),
        ("POST", "/v1/phone/push", 400, phone.ask("POST", "/v1/phone/push", PHONE_EXAMPLES["PushWanted"])),
    ]
    examples = errors(rig)
    for method, path, status, answer in tried:
        assert (answer.status_code, answer.json()) == (status, examples[method, path, status]), (method, path)


def _erase(rig: ServiceRig, client: TestClient) -> Any:
    """Somebody who has 500 yuan asks to be erased."""
    rich = person(rig, client, "C", hours=None)
    number = rich.ask("GET", "/v1/phone/me").json()["person"]
    text = f'{{"person":"{number}","at":"{rig.clock.now().isoformat()}"}}'
    return rich.ask("POST", "/v1/phone/erasure", rich.words(ERASURE_WORDS, text))


class Sender:
    """Signs what schemathesis makes up with a paired phone's key and sends it to the served application."""

    def __init__(self, phone: HttpPhone, url: str, known: dict[str, str]) -> None:
        self._phone, self._url, self._known = phone, url, known
        self._session = requests.Session()
        self.statuses: set[int] = set()

    def send(self, case: Any, checks: list[Any], known: bool) -> None:
        """known: names in the path and body are replaced by ones that the service knows."""
        if known:
            case.path_parameters = {name: self._known.get(name, value) for name, value in case.path_parameters.items()}
            if isinstance(case.body, dict) and "plate" in case.body:
                case.body = {**case.body, "plate": PLATE}
        kwargs = case.as_transport_kwargs(base_url=self._url)
        wanted = ("method", "url", "headers", "params", "json", "data", "cookies")
        parts = {name: kwargs[name] for name in wanted if name in kwargs}
        prepared = self._session.prepare_request(requests.Request(**parts))
        body = prepared.body or b""
        raw = body if isinstance(body, bytes) else str(body).encode()
        host = self._url.removeprefix("http://")
        target = re.sub(r"^http://[^/]+", "", str(prepared.url))
        prepared.headers.update(self._phone.headers(str(prepared.method), target, raw, host))
        response = self._session.send(prepared, timeout=30, allow_redirects=False)
        self.statuses.add(response.status_code)
        case.validate_response(response, checks=checks)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_every_answer_to_a_phone_is_as_announced(rig: ServiceRig, mode: str) -> None:
    with running(rig.app) as url, httpx.Client(base_url=url, timeout=30) as client:
        phone = person(rig, client, "A")
        mandate = phone.mandate()
        fuel(rig, 5_000)
        known = {"charge": phone.ask("GET", "/v1/phone/charges").json()[0]["id"], "mandate": mandate, "plate": PLATE}
        sender = Sender(phone, url, known)
        send_everything(rig.app, sender, mode, lambda path: path.startswith("/v1/phone/") and path != STREAM, 10)
    assert not {status for status in sender.statuses if status >= 500}
    if mode == "POSITIVE":
        assert {200, 204, 400, 404} <= sender.statuses
