"""docs/api.md: its test vectors computed by hand from the RFCs, and its tables complete."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html import escape as _escape
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient

from service.identity import api_page, api_words
from service.identity.signed.rules import RULES
from service.identity.signed.signatures import RequestView, verify
from tests.service.identity.kit import ServiceRig
from wire.devices import key_id
from wire.reasons import ErrorCode

DOCS = Path(__file__).resolve().parents[3] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)\n```", API, re.DOTALL)


KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(blocks("key")[0]))
PUBLIC = KEY.public_key().public_bytes_raw()


def test_key_and_its_id() -> None:
    assert base64.b64encode(PUBLIC).decode() in API
    assert key_id(PUBLIC) in API


def test_the_bases_are_signed_as_the_headers_say() -> None:
    for base, headers in zip(blocks("base"), blocks("headers"), strict=True):
        found = dict(line.split(": ", 1) for line in headers.splitlines())
        signature = base64.b64encode(KEY.sign(base.encode())).decode()
        assert found["Signature"] == f"greenlane=:{signature}:"
        assert base.endswith(f'"@signature-params": {found["Signature-Input"].removeprefix("greenlane=")}')


def test_the_bases_follow_from_the_requests() -> None:
    for request, base in zip(blocks("request"), blocks("base"), strict=True):
        head, _, body = request.partition("\n\n")
        method, target, _ = head.splitlines()[0].split(" ")
        path, _, query = target.partition("?")
        lines = [f'"@method": {method}', '"@authority": books.example', f'"@path": {path}', f'"@query": ?{query}']
        if body:
            digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
            lines += ['"content-type": application/json', f'"content-digest": sha-256=:{digest}:']
            assert json.loads(body)["station"] == "S1"
        assert base.splitlines()[:-1] == lines


def test_the_service_takes_the_vectors() -> None:
    at = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
    for request, headers in zip(blocks("request"), blocks("headers"), strict=True):
        head, _, body = request.partition("\n\n")
        method, target, _ = head.splitlines()[0].split(" ")
        sent = (*head.splitlines()[1:], *headers.splitlines())
        lines = tuple(tuple(line.split(": ", 1)) for line in sent)
        view = RequestView(method, "books.example", target, lines, body.encode())  # type: ignore[arg-type]
        assert verify(view, lambda wanted: PUBLIC, at).key_id == key_id(PUBLIC)


def test_every_operation_and_every_error_is_there() -> None:
    for rule in RULES:
        name = "{key_id}" if "/keys/" in rule.path else "{authorisation}"
        assert f"`{rule.method} {rule.path.replace('{id}', name)}" in API
    for code in ErrorCode:
        assert f"`{code.value}`" in API, code


def test_every_operation_has_examples_and_its_errors(rig: ServiceRig) -> None:
    document = rig.app.openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where, answers = f"{method} {path}", operation["responses"]
            for content in (operation.get("requestBody"), answers.get("200")):
                json_content = (content or {}).get("content", {}).get("application/json", {})
                reference = "$ref" in str(json_content.get("schema"))
                assert not reference or json_content.get("example"), where
            if path.startswith("/v1/"):
                assert {"400", "401", "403", "413", "503"} <= answers.keys(), where
                scheme = "phoneSignature" if path.startswith("/v1/phone/") else "signature"
                assert operation["security"] == [{scheme: []}], where
                assert operation["summary"], where
                assert "Said by:" in operation["description"] or path == "/v1/enrolments", where


def escape(text: str) -> str:
    """As Jinja writes it."""
    return _escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def test_the_page_tells_each_error_with_its_example(rig: ServiceRig) -> None:
    """What any signed request may get once for devices and once for phones, all else with its operation."""
    with TestClient(rig.app) as client:
        shown = client.get("/docs", params={"lang": "en"}).text
    assert len(shown.encode()) < 90_000, "with style and script a page stays below 100 kB"
    for methods in rig.app.openapi()["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                assert shown.count(escape(answer["description"])) >= 1, answer["description"]
                for key in ("code", "detail"):
                    example = answer.get("content", {}).get("application/json", {}).get("example", {})
                    said = example.get(key, "") if isinstance(example, dict) else ""
                    assert escape(json.dumps(said, ensure_ascii=False)) in shown or not said
    assert shown.count(escape(api_page.SIGNED_ERRORS[401])) == 1
    assert shown.count(escape(api_page.PHONE_ERRORS[401])) == 1


def test_the_page_in_chinese_says_what_is_done_and_what_went_wrong_in_chinese(rig: ServiceRig) -> None:
    """Titles and errors were English on the Chinese page; the name of a record is a name."""
    operations = [one for methods in rig.app.openapi()["paths"].values() for one in methods.values()]
    summaries = {one["summary"] for one in operations}
    answers = {answer["description"] for one in operations for answer in one["responses"].values()}
    answers |= {*api_page.SIGNED_ERRORS.values(), *api_page.PHONE_ERRORS.values()}
    assert set(api_words.SUMMARIES) == summaries
    assert set(api_words.ANSWERS) == {words for words in answers if not re.fullmatch(r"\w+\.", words)}
    with TestClient(rig.app) as client:
        shown = client.get("/docs", params={"lang": "zh-CN"}).text
    for english, chinese in (api_words.SUMMARIES | api_words.ANSWERS).items():
        assert escape(chinese) in shown, chinese
        assert f">{escape(english)}<" not in shown, english


def test_security_names_every_switch() -> None:
    from argparse import ArgumentParser

    from greenlane.cli import service
    from greenlane.cli.admin import devices as admin_devices
    from greenlane.cli.admin import people as admin_people

    page = (DOCS / "security.md").read_text(encoding="utf-8")
    parser = ArgumentParser()
    service.add_listening(parser)
    for action in parser._actions[1:]:
        assert action.option_strings[0] in page, action.option_strings
    subparsers = ArgumentParser().add_subparsers()
    for module in (admin_devices, admin_people):
        module.add_commands(subparsers, ArgumentParser(add_help=False))
    for name in subparsers.choices:
        assert f"greenlane admin {name}" in page, name
