"""One person is exported and erased: nothing of their name is left in the database, and the audit is right."""

from __future__ import annotations

import base64
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from sqlalchemy import String, select, text

from greenlane.cli import main
from service.admin.typed_plates import TypedPlates
from service.books.rows.sealing import seal_all
from service.counter.shifts import close
from service.counter.till import Till
from service.identity.people import PeopleStore, Role
from service.payer_rules.periods import Hours
from service.payers.charging import Charging
from service.payers.keys import NotSigned
from service.payers.phones import Phones
from service.payers.proposals import Proposals
from service.reports.audit import audit
from service.station.store import StationStore
from service.store.database import Database
from service.store.schema import metadata
from tests.service.identity.kit import ServiceRig
from tests.service.payers.phone import Phone, payer, person
from tests.service.payers.test_charges import report
from tests.service.phone.kit import fuel
from tests.service.phone.kit import person as http_person
from tests.service.world import PLATE, World
from wire.live import VisitReport
from wire.payers import ERASURE_WORDS, PhoneWord

NAME = "欧阳雪峰"
JPEG = b"\xff\xd8\xff\xe0 the vehicle"


def admin(url: str, *words: str, stdin: str = "", fails: bool = False) -> str:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("sys.stdin", io.StringIO(stdin))
        status = main(["admin", "--database", url, *words])
    assert (status != 0) == fails, err.getvalue()
    return err.getvalue() if fails else out.getvalue()


def everywhere(database: Database, words: str) -> list[str]:
    """Each column that has the words, and for SQLite each file that does, down to its free space."""
    found = []
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            for column in [c for c in table.columns if isinstance(c.type, String)]:
                rows = connection.execute(select(column).where(column.contains(words)).limit(1)).all()
                found += [f"{table.name}.{column.name}" for _ in rows]
    files = [database.path, database.path.with_name(database.path.name + "-wal")] if database.is_sqlite else []
    return found + [path.name for path in files if path.exists() and words.encode() in path.read_bytes()]


def lived(world: World, url: str, folder: Path) -> Phone:
    """A person about whom everything is written that anybody could write."""
    phone = payer(world, NAME, fen=0)
    admin(url, "phone", "top-up", NAME, "500", "--note", f"{NAME} paid cash", "--key", f"receipt {NAME} 7")
    admin(url, "payer", "owner", PLATE, NAME)
    TypedPlates(world.books, "tester").set_person_pin(NAME, "123456")
    Proposals(world.books, phone.person).propose("粤Z99999", Hours.parse("8-16"))
    world.card("C9", plate="粤C99999")
    world.admin.money.top_up("C9", 1_000, note=f"as {NAME} asked")
    held = world.allowed()
    visit = held_visit(world)
    StationStore(world.database, world.clock.now).visits.take(visit)
    report(world, 8_000, authorisation=held, visit=visit.visit)
    (paid,) = Charging(world.books).list(phone=NAME)
    phone.say(paid.id, 8_000, PhoneWord.DISPUTE)
    admin(url, "charge", "resolve", paid.id, "--for", "station", "--why", f"{NAME} was shown the digits")
    PeopleStore(world.database, world.clock.now, PasswordHasher(1, 8, 1)).add(
        "wang", "a long pass phrase 7", Role.CASHIER, "S1", "tester"
    )
    till = Till(world.books, "wang", "S1")
    till.open_shift(1_000)
    till.top_up("counter 1", "C9", 500, "cash", f"brought by {NAME}")
    close(world.books, "wang", 1_500, f"{NAME} left an umbrella", by="wang", station="S1")
    track = folder / "track.csv"
    lines = [f"{(world.clock.now() + timedelta(hours=h)).isoformat()},30.0,110.0,wgs84" for h in range(3)]
    track.write_text("\n".join(["at,lat,lon,datum", *lines]), encoding="utf-8")
    admin(url, "track", "import", PLATE, str(track))
    return phone


def held_visit(world: World) -> VisitReport:
    with world.database.reading() as connection:
        visit = connection.execute(text("select visit from authorisations order by asked_us desc limit 1")).scalar_one()
    return VisitReport(
        station="S1",
        lane="L1",
        visit=str(visit),
        at=world.clock.now(),
        first_seen_at=world.clock.now(),
        over=True,
        plate=PLATE,
        decision=None,
        reason=None,
        picture=base64.b64encode(JPEG).decode(),
    )


def test_nothing_of_the_name_is_left_and_the_books_are_right(world: World, database_url: str, tmp_path: Path) -> None:
    phone = lived(world, database_url, tmp_path)
    neighbour = person(world, "Lisa", "0-8")
    admin(database_url, "phone", "top-up", "Lisa", "5", "--note", "for Lisa")
    assert len(everywhere(world.database, NAME)) >= 6
    found = json.loads(admin(database_url, "phone", "export", NAME))
    assert found["person"]["name"] == NAME
    assert found["person"]["pin"] is True
    assert found["wallet"] == {"balance_fen": 42_000, "held_fen": 0}
    assert [(c["amount_fen"], c["state"]) for c in found["charges"]] == [(8_000, "paid")]
    assert [len(found[part]) for part in ("phones", "hours", "hours_wished", "plates_owned", "mandates")] == [1] * 5
    assert [len(found[part]) for part in ("pictures", "positions", "fuellings", "questions")] == [1, 3, 1, 1]
    assert any("paid cash" in (one["note"] or "") for one in found["movements"])
    assert "argon2" not in json.dumps(found)
    assert "420.00" in admin(database_url, "phone", "erase", NAME, "--yes", fails=True)
    admin(database_url, "phone", "refund", NAME, "420")
    admin(database_url, "phone", "erase", NAME, stdin="n\n", fails=True)
    assert everywhere(world.database, NAME), "who is asked and says no erases nothing"
    done = json.loads(admin(database_url, "phone", "erase", NAME, "--yes", "--json"))
    assert (done["person"], done["phones"], done["hours"], done["pictures"], done["positions"]) == (
        phone.person,
        1,
        1,
        1,
        3,
    )
    assert everywhere(world.database, NAME) == []
    seal_all(world.database, world.clock)
    assert audit(world.database).findings == ()
    assert Phones(world.books, "tester").list("Lisa")[0].keys == 1
    assert neighbour.person in admin(database_url, "phone", "list")
    assert "no phone" in admin(database_url, "phone", "export", NAME, fails=True)
    with pytest.raises(NotSigned):
        phone.mandate(PLATE)


@pytest.mark.slow
def test_an_open_charge_is_decided_first_and_says_how(world: World, database_url: str) -> None:
    phone = payer(world, NAME, fen=0)
    report(world, 8_000)
    (charge,) = Charging(world.books).list()
    refused = admin(database_url, "phone", "erase", NAME, "--yes", fails=True)
    assert charge.id in refused
    assert "charge settle" in refused
    assert everywhere(world.database, NAME)
    admin(database_url, "charge", "settle", charge.id)
    admin(database_url, "phone", "erase", NAME, "--yes")
    assert [one.phone for one in Charging(world.books).list()] == [phone.person], "the charge stays, under a number"
    assert audit(world.database).findings == ()


@pytest.mark.slow
def test_a_name_inside_another_word_and_a_thing_of_others_stay(world: World, database_url: str) -> None:
    for name in ("Li", "Lisa"):
        payer(world, name, fen=0)
        admin(database_url, "phone", "top-up", name, "1", "--note", f"{name} paid")
        admin(database_url, "phone", "refund", name, "1")
    world.admin.cards.create("C9", name="Li")
    done = json.loads(admin(database_url, "phone", "erase", "Li", "--yes", "--json"))
    assert "cards.name" in done["left"], "a card that somebody called so is theirs to rename"
    with world.database.reading() as connection:
        notes = set(connection.execute(text("select note from transfers where note <> ''")).scalars())
    assert notes == {"Lisa paid"}
    assert audit(world.database).findings == ()


@pytest.mark.parametrize("table", ["operator_events", "transfers"])
def test_texts_are_erased_by_an_erasure_alone(world: World, table: str) -> None:
    """The guards refuse while the salt is there; who takes the salt by hand is named by the audit."""
    world.card(fen=1_000)
    seal_all(world.database, world.clock)
    column = "detail" if table == "operator_events" else "note"
    row = text(f"update {table} set {column} = '{{}}' where id = (select max(id) from {table})")
    with pytest.raises(Exception, match="never changed"), world.database.writing() as connection:
        connection.execute(row)
    with world.database.writing() as connection:
        connection.execute(
            text(
                f"update sealed_texts set salt = null where kind = '{table}' and row_id = (select max(id) from {table})"
            )
        )
        connection.execute(row)
    assert any("no erasure of a person names it" in one.words for one in audit(world.database).findings)
    with pytest.raises(Exception, match="never changed"), world.database.writing() as connection:
        connection.execute(text(f"update {table} set at_us = at_us + 1 where id = (select max(id) from {table})"))


@pytest.mark.slow
def test_a_person_erases_themself_on_their_phone(tmp_path: Path) -> None:
    rig = ServiceRig(tmp_path)
    with TestClient(rig.app) as client:
        phone, other = http_person(rig, client, NAME), http_person(rig, client, "Wu", "0-8")
        fuel(rig, 7_900)
        me = phone.ask("GET", "/v1/phone/me").json()
        data = phone.ask("GET", "/v1/phone/data")
        assert data.json()["person"]["name"] == NAME
        assert data.json()["phones"][0]["consent"] == me["consent"] == "2026-11-28"
        assert me["person"] not in other.ask("GET", "/v1/phone/data").text

        def words(whose: str) -> dict[str, str]:
            return phone.words(ERASURE_WORDS, json.dumps({"person": whose, "at": rig.clock.now().isoformat()}))

        theirs = other.ask("GET", "/v1/phone/me").json()["person"]
        assert phone.ask("POST", "/v1/phone/erasure", words(theirs)).status_code == 403
        assert other.ask("POST", "/v1/phone/erasure", words(me["person"])).status_code == 403
        refused = phone.ask("POST", "/v1/phone/erasure", words(me["person"]))
        assert (refused.status_code, "charges are open" in refused.text) == (409, True)
        (charge,) = phone.ask("GET", "/v1/phone/charges").json()
        assert phone.say(charge["id"], 7_900).status_code == 200
        Phones(rig.app.state.books, "test").refund(NAME, 42_100)
        assert phone.ask("POST", "/v1/phone/erasure", words(me["person"])).status_code == 204
        assert phone.ask("GET", "/v1/phone/me").status_code == 401
        assert other.ask("GET", "/v1/phone/me").status_code == 200
        database = rig.app.state.books.database
        assert everywhere(database, NAME) == []
        assert audit(database).findings == ()
