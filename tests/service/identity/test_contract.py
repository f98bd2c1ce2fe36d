"""schemathesis over the OpenAPI document: no 5xx, no answer that the document does not announce; all of it signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import requests
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from controller.ports import Clock
from service.server import running
from tests.service.identity.kit import PLATE, ServiceRig
from wire.devices import DeviceKind

pytestmark = pytest.mark.slow

KNOWN = {"station": "S1", "lane": "L1", "plate": PLATE, "dispenser": "S1-D1"}
"""Made-up names alone would never get past the door."""


class Caller:
    """Signs what schemathesis makes up and sends it to a served application."""

    def __init__(self, clock: Clock, url: str, key: KeyPair) -> None:
        self._url = url
        self._sign = Signer(key, clock)
        self._session = requests.Session()
        self.statuses: set[int] = set()

    def send(self, case: Any, checks: list[Any], known: bool) -> None:
        """known: names in the query and body are replaced by ones that the service knows."""
        kwargs = case.as_transport_kwargs(base_url=self._url)
        wanted = ("method", "url", "headers", "params", "json", "data", "cookies")
        parts = {name: kwargs[name] for name in wanted if name in kwargs}
        for place in ("json", "params"):
            if known and isinstance(parts.get(place), dict):
                parts[place] = {name: KNOWN.get(name, value) for name, value in parts[place].items()}
        if isinstance(parts.get("json"), dict) and isinstance(parts["json"].get("wait_s"), float | int):
            parts["json"]["wait_s"] = min(parts["json"]["wait_s"], 0.01)
        prepared = self._session.prepare_request(requests.Request(**parts))
        self._sign(prepared)
        response = self._session.send(prepared, timeout=30, allow_redirects=False)
        self.statuses.add(response.status_code)
        case.validate_response(response, checks=checks)


@pytest.fixture(scope="module", params=DeviceKind, ids=lambda kind: kind.value)
def caller(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServiceRig, Caller]]:
    rig = ServiceRig(tmp_path_factory.mktemp("contract"))
    with running(rig.app) as url:
        yield rig, Caller(rig.clock, url, rig.enrol(request.param))


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_every_answer_is_as_announced(caller: tuple[ServiceRig, Caller], mode: str) -> None:
    rig, sender = caller
    send_everything(rig.app, sender, mode)
    assert not {status for status in sender.statuses if status >= 500}
    if mode == "POSITIVE":
        assert {200, 403} <= sender.statuses


def of_devices(path: str) -> bool:
    return not path.startswith("/v1/phone/")


class Sender(Protocol):
    """Sends what was made up; known: with names that the service knows, where it has them."""

    def send(self, case: Any, checks: list[Any], known: bool) -> None: ...


def send_everything(
    app: FastAPI, sender: Sender, mode: str, is_sent: Callable[[str], bool] = of_devices, most: int = 25
) -> None:
    """Made-up requests to the routes of the application's document; each answer is held against it."""
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi import checks as conformance

    checks = [
        conformance.status_code_conformance,
        conformance.content_type_conformance,
        conformance.response_schema_conformance,
    ]
    document = app.openapi()
    schema = schemathesis.openapi.from_dict(document)
    for path, methods in document["paths"].items():
        if not is_sent(path):
            continue
        for method in methods:
            strategy = schema[path][method.upper()].as_strategy(generation_mode=GenerationMode[mode])

            @settings(max_examples=most, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
            @given(case=strategy, known=st.booleans())
            def check(case: Any, known: bool) -> None:
                sender.send(case, checks, known)

            if mode == "POSITIVE" or "parameters" in methods[method] or "requestBody" in methods[method]:
                check()
