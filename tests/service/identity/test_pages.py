"""The log-in pages as a browser meets them: cookies, forged forms, roles, headers, and where one lands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, Request
from fastapi.testclient import TestClient

from service.identity import access
from service.identity.browser import HEADERS, safe_target, source_of
from service.identity.guard import LOOPBACK, Guard
from service.identity.people import Role
from service.identity.sessions import LIVES, Session
from service.identity.web import LANGUAGE_COOKIE
from tests.full_disk import full_disk
from tests.service.identity.kit import CHEAP, ServiceRig

PASSWORD = "correct horse battery"
Operator = Annotated[Session, Depends(access.operator(Role.OPERATOR))]


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    """With one page for operators, and one form."""
    made = ServiceRig(tmp_path)
    made.identity.people.add("wang", PASSWORD, Role.OPERATOR, None, "test")
    made.identity.people.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")

    @made.app.get("/secret")
    def secret(session: Operator) -> str:
        return session.person.name

    @made.app.post("/secret")
    async def change(request: Request, session: Operator) -> dict[str, str]:
        return await access.fields(request) if request.headers.get("content-length", "0") != "0" else {}

    return made


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened


def fields(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))


def log_in(client: TestClient, name: str = "wang", password: str = PASSWORD, target: str = "/") -> httpx.Response:
    form = fields(client.get("/login", params={"next": target}))
    return client.post("/login", data=form | {"name": name, "password": password})


def csrf(client: TestClient) -> str:
    return fields(client.get("/"))["csrf"]


def test_in_and_out(client: TestClient) -> None:
    asked = client.get("/secret?x=1", headers={"Accept": "text/html"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/secret%3Fx%3D1")
    came = log_in(client, target="/secret?x=1")
    assert (came.status_code, came.headers["location"]) == (303, "/secret?x=1")
    assert client.get("/secret").json() == "wang"
    assert "wang" in client.get("/").text
    assert client.post("/logout", data={"csrf": "wrong"}).status_code == 403
    assert client.post("/logout", data={"csrf": csrf(client)}).headers["location"] == "/login"
    assert client.get("/secret").status_code == 401


def test_wrong_password_and_unknown_name_look_the_same(client: TestClient) -> None:
    wrong, unknown = log_in(client, password="incorrect horse"), log_in(client, name="zhao")
    assert wrong.status_code == unknown.status_code == 401
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", wrong.text) == strip.sub("", unknown.text)
    assert "incorrect horse" not in wrong.text


@pytest.mark.slow
def test_too_many_attempts_say_when_to_come_back(client: TestClient) -> None:
    answers = [log_in(client, password="incorrect horse") for _ in range(6)]
    assert [a.status_code for a in answers] == [401] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "10"


@pytest.mark.parametrize("before", ["http://[x", "http://[::1", "//", "http://testserver/counter", "\xff"])
def test_a_refused_form_is_answered_whatever_page_came_before(client: TestClient, before: str) -> None:
    headers = [(b"Accept", b"text/html"), (b"Referer", before.encode("latin-1"))]
    assert client.post("/login", data={}, headers=headers).status_code == 403


def test_the_attendant_is_no_operator(client: TestClient) -> None:
    log_in(client, "li")
    refused = client.get("/secret", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert (refused.status_code, "This needs the role operator" in refused.text) == (403, True)
    assert client.get("/secret").json() == {"code": "forbidden", "detail": "this needs the role operator"}


def test_forged_forms(client: TestClient) -> None:
    log_in(client)
    token = csrf(client)
    assert client.post("/secret", data={"csrf": token, "a": "1"}).json()["a"] == "1"
    assert client.post("/secret", headers={"X-CSRF-Token": token}).status_code == 200
    for forged in ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": token[:-1]}):
        assert client.post("/secret", data=forged).status_code == 403
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert client.post("/secret", data={"csrf": token}, headers=headers).status_code == 403
    assert client.post("/secret", data={"csrf": token}, headers={"Origin": "http://testserver"}).status_code == 200


def test_a_log_in_form_is_tied_to_the_browser(client: TestClient, rig: ServiceRig) -> None:
    form = fields(client.get("/login"))
    other = TestClient(rig.app, follow_redirects=False)
    answer = other.post("/login", data=form | {"name": "wang", "password": PASSWORD})
    assert answer.status_code == 403
    good = form | {"name": "wang", "password": PASSWORD}
    assert client.post("/login", data=good, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/login", json=good).status_code == 403
    assert (
        client.post(
            "/login", content=b"a=" + b"x" * 20_000, headers={"Content-Type": "application/x-www-form-urlencoded"}
        ).status_code
        == 403
    )


def test_a_session_given_by_somebody_else_is_not_taken_over(client: TestClient) -> None:
    log_in(client, "li")
    before = client.cookies["greenlane-session"]
    log_in(client)
    after = client.cookies["greenlane-session"]
    client.cookies["greenlane-session"] = before
    assert before != after
    assert client.get("/secret").status_code == 401


def test_cookies(rig: ServiceRig) -> None:
    for scheme, prefix, secure in (("http", "", False), ("https", "__Host-", True)):
        client = TestClient(rig.app, base_url=f"{scheme}://testserver", follow_redirects=False)
        came = log_in(client)
        assert came.status_code == 303
        for name in ("greenlane-session", "greenlane-browser"):
            line = next(c for c in came.headers.get_list("set-cookie") if c.startswith(f"{prefix}{name}="))
            flags = {part.strip().lower() for part in line.split(";")[1:]}
            assert {"httponly", "path=/", "samesite=lax"} <= flags
            assert ("secure" in flags) is secure
            assert not any(flag.startswith("domain") for flag in flags)
        assert ("strict-transport-security" in came.headers) is secure


def test_an_idle_session_ends(client: TestClient, rig: ServiceRig) -> None:
    log_in(client)
    rig.clock.move(LIVES[Role.OPERATOR][0].total_seconds() + 1)
    assert client.get("/secret").status_code == 401


@pytest.mark.sample(3)
@pytest.mark.parametrize("path", ["/login", "/docs", "/healthz", "/static/style.css", "/v1/prices", "/nowhere", "/"])
def test_headers_on_every_answer(client: TestClient, path: str) -> None:
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


@pytest.mark.sample(3)
@pytest.mark.parametrize("path", ["/login", "/docs", "/"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_pages_bring_nothing_from_elsewhere_and_nothing_inline(client: TestClient, path: str, language: str) -> None:
    log_in(client)
    page = client.get(path, params={"lang": language}).text
    assert f'<html lang="{language}">' in page
    assert not re.findall(r'(?:src|href|action)="(?!/|#)[^"]*"', page)
    assert not re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)
    assert client.get("/login").text.count(f'<html lang="{language}">') == 1, "the choice is remembered"


def test_texts_of_strangers_are_shown_and_not_run(client: TestClient) -> None:
    nasty = '"><script>alert(1)</script>'
    page = log_in(client, name=nasty, target="/x" + nasty)
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/station?lane=L1", "/station?lane=L1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nb", "/"),
        ("/" + "x" * 300, "/"),
    ],
)
def test_where_a_log_in_leads(target: str, safe: str) -> None:
    assert safe_target(target) == safe


@pytest.mark.parametrize(
    ("client_address", "source"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
    ],
)
def test_attempts_are_counted_by_customer(client_address: str, source: str) -> None:
    scope = {"type": "http", "client": (client_address, 1), "headers": []}
    assert source_of(Request(scope)) == source


def test_who_may_read_metrics(rig: ServiceRig, client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    named = ServiceRig(tmp_path / "named", Guard(metrics_from=LOOPBACK, hasher=CHEAP))
    assert client.get("/metrics").status_code == 403
    near = TestClient(rig.app, client=("127.0.0.1", 1))
    assert near.get("/metrics").status_code == 403
    near = TestClient(named.app, client=("127.0.0.1", 1))
    assert near.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 403
    assert near.get("/metrics", headers={"Host": "pay.example"}).status_code == 403
    assert TestClient(named.app, client=("10.0.0.1", 1)).get("/metrics").status_code == 403
    near.get("/v1/prices?station=S1")
    text = near.get("/metrics").text
    assert 'greenlane_refused_signatures_total{flaw="unsigned"} 1.0' in text
    assert "greenlane_database_up 1.0" in text
    assert 'greenlane_requests_total{method="GET",route="other",status="401"}' in text


def test_a_full_disk_shows_in_the_metrics(rig: ServiceRig, client: TestClient) -> None:
    """Everything can still be read then, and no alarm would come."""
    with full_disk():
        text = rig.app.state.metrics.exposition().decode()
    assert "greenlane_database_up 0.0" in text
    assert "greenlane_open_holds 0.0" in text
    assert "greenlane_database_up 1.0" in rig.app.state.metrics.exposition().decode()


@pytest.mark.sample(3)
@pytest.mark.parametrize("path", ["/", "/station", "/counter", "/office", "/office/reconcile"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_page_that_leads_on_keeps_the_language_that_was_asked_for(rig: ServiceRig, path: str, language: str) -> None:
    """To the log-in, or to the only station; a browser of the other language asks."""
    rig.identity.people.add("zhao", PASSWORD, Role.ADMINISTRATOR, None, "test")
    with TestClient(
        rig.app, headers={"accept": "text/html", "accept-language": "en" if language == "zh-CN" else "zh"}
    ) as client:
        stranger = client.get(path, params={"lang": language})
        assert stranger.url.path == "/login"
        assert f'<html lang="{language}"' in stranger.text
        client.cookies.delete(LANGUAGE_COOKIE)
        log_in(client, "zhao")
        client.cookies.delete(LANGUAGE_COOKIE)
        assert f'<html lang="{language}"' in client.get(path, params={"lang": language}).text
