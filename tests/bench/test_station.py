"""`greenlane bench station` and `bench growth`: what they measure and compute is what they say."""

from __future__ import annotations

import itertools
import json
import resource
from pathlib import Path

import pytest

from greenlane.bench import growth as bench_growth
from greenlane.bench import station as bench_station
from greenlane.bench.client import Target, parse_head
from greenlane.bench.growth import Inputs, model, table
from greenlane.bench.station_pages import delays_s
from greenlane.cli import main
from service.admin.admin import Admin
from service.app import create_app
from service.errors import ServiceError
from service.identity.guard import Guard
from service.identity.people import Role
from tests.service.identity.kit import CHEAP
from tests.service.identity.served import Served
from tests.service.postgres import Cluster, programs

ROOT = Path(__file__).resolve().parents[2]


def test_delays_count_from_the_change_to_the_first_who_knows_it() -> None:
    moments = [(1, 4, 9.0), (1, 5, 10.5), (1, 6, 11.0), (2, 4, 10.2), (2, 7, 12.0), (3, 9, 9.5), (9, 9, 10.1)]
    assert delays_s(10.0, 5, moments, {1, 2, 3}) == {1: 0.5, 2: 2.0}


@pytest.mark.slow
def test_lanes_and_pages_of_a_small_station(capsys: pytest.CaptureFixture[str]) -> None:
    """A visit takes 130/180 of vehicle_s: within 12 s each of five lanes is asked about and fuels."""
    words = ["--lanes", "5", "--pages", "10", "--seconds", "16", "--vehicle-s", "12", "--json"]
    assert main(["bench", "station", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["faults"] == {}
    messages = found["messages"]
    assert messages["question"]["count"] >= 5
    assert messages["fuelling"]["count"] >= 5
    assert messages["status"]["per_s"] > 3
    assert 0 < messages["question"]["p50_ms"] <= messages["question"]["p99_ms"]
    pages = found["pages"]
    assert (pages["open"], pages["panels"]) == (10, 2)
    assert pages["told"]["complete"].startswith(f"{pages['probes']} of") or pages["probes"] > 1
    assert 0 < pages["told"]["p50_ms"] < 10_000
    assert 0 < pages["shown"]["p50_ms"] < 10_000
    assert found["resident_mib"]["end"] > 50
    assert 0 < found["cores_used"]["service"] < 4


@pytest.mark.slow
@pytest.mark.database
def test_workers_on_postgresql(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster(programs())
    cluster.start()
    try:
        words = ["--postgresql", cluster.database(), "--workers", "2", "--lanes", "3", "--pages", "5", "--seconds", "8"]
        assert main(["bench", "station", *words, "--vehicle-s", "12", "--json"]) == 0
        sized = bench_growth.bytes_per_vehicle(cluster.database())
    finally:
        cluster.remove()
    found = json.loads(capsys.readouterr().out)
    assert found["faults"] == {}
    assert found["messages"]["question"]["count"] >= 1
    assert found["pages"]["told"]["p50_ms"] > 0
    assert 900 < sized < 2000


@pytest.mark.slow
def test_a_service_that_runs_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its books are left alone: it knows no plate of the bench, so questions are refused and nothing is fuelled."""
    books = f"sqlite:///{tmp_path / 'books.sqlite3'}"
    app = create_app(books, guard=Guard(hasher=CHEAP))
    Admin(app.state.books, "test").stations.set("S1")
    app.state.identity.people.add("li", "a long enough pass phrase", Role.ATTENDANT, "S1", "test")
    app.state.books.database.close()
    monkeypatch.setenv(bench_station.PASSWORD_VARIABLE, "a long enough pass phrase")
    with Served(books, "--allow-unsigned") as port:
        where = ["--url", f"http://127.0.0.1:{port}", "--station", "S1", "--person", "li"]
        load = ["--lanes", "3", "--pages", "5", "--seconds", "8", "--vehicle-s", "12", "--json"]
        assert main(["bench", "station", *where, *load]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["faults"] == {}
    assert found["messages"]["question"]["count"] >= 1
    assert found["messages"]["fuelling"]["count"] == 0
    assert found["resident_mib"]["end"] is None
    assert list(found["cores_used"]) == ["bench"]


def test_too_few_open_files_are_said_before_anything_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: pytest.fail("not with too low a hard limit"))
    with pytest.raises(ServiceError, match=r"200 lanes and 1000 pages need 2800 open files, .* may have 1024"):
        bench_station._raise_file_limit(200, 1000)


def test_the_limit_is_raised_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 20_000))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: raised.append((which, limits)))
    bench_station._raise_file_limit(200, 1000)
    assert raised == [(resource.RLIMIT_NOFILE, (2800, 20_000))]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--url", "http://127.0.0.1:1"], "--person NAME"),
        (["--url", "127.0.0.1:1", "--pages", "0"], "write http://HOST:PORT"),
        (["--url", "http://127.0.0.1:1", "--pages", "0", "--key", "/nowhere/key.pem"], "/nowhere/key.pem"),
    ],
)
def test_wrong_wishes_are_named(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "station", *words]) == 1
    assert part in capsys.readouterr().err


def test_targets_and_heads() -> None:
    assert Target.of("https://station.example") == Target("station.example", 443, "station.example", True)
    assert Target.of("http://127.0.0.1:8080").port == 8080
    status, headers = parse_head(b"HTTP/1.1 303 See Other\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX: y\r\n\r\n")
    assert (status, headers) == (303, {"set-cookie": "a=1\nb=2", "x": "y"})


def test_the_model_by_hand() -> None:
    """100 stations of 8 lanes and 120 vehicles: 96,000 a day, 1.11 a second in the mean, 3.33 at the peak."""
    row = model(Inputs(), 100)
    assert row.vehicles_day == 96_000
    assert row.money_per_s == pytest.approx(96_000 / 86_400 * 3 * 2.2, abs=0.01)
    assert row.live_per_s == pytest.approx(96_000 / 86_400 * 3 * 187 + 800 * 0.15, abs=0.1)
    assert row.workers == 8
    assert row.year_gb == pytest.approx(96_000 * 365 * 1300 / 1e9, abs=0.1)


def test_more_stations_never_need_less() -> None:
    rows = [model(Inputs(), number) for number in (1, 7, 50, 999, 20_000)]
    for before, after in itertools.pairwise(rows):
        for name in ("vehicles_day", "money_per_s", "live_per_s", "workers", "workers_local", "year_gb", "databases"):
            assert getattr(before, name) <= getattr(after, name)


def test_inputs_are_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "growth", "--stations", "2", "--lanes", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"][0]["vehicles_day"] == 48_000
    assert main(["bench", "growth", "--lanes", "200"]) == 0
    assert "lanes = 200 (given)" in capsys.readouterr().out


def test_the_document_shows_what_the_command_prints() -> None:
    page = (ROOT / "docs" / "growth.md").read_text(encoding="utf-8")
    rows = [model(Inputs(), number) for number in (1, 10, 100, 1_000, 10_000)]
    for line in (*table(rows), *[f"`{words.partition(':')[0]}`" for words in bench_growth.input_lines(Inputs())]):
        assert line in page, f"docs/growth.md does not have: {line}"
