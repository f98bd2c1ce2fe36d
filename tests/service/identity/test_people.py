"""Passwords, roles, sessions, and guessing that is slowed without locking the right one out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher, extract_parameters

from service.errors import AdminError
from service.identity import trail
from service.identity.people import Attempt, LoginRefused, PeopleStore, Person, Role
from service.identity.sessions import LIVES, SessionStore
from service.store.vehicle_tables import fleets
from tests.service.identity.kit import CHEAP, ServiceRig

PASSWORD = "correct horse battery"
RIGHT = Attempt("wang", PASSWORD, "10.0.0.1")
WRONG = Attempt("wang", "incorrect horse", "10.9.9.9")


class CountingHasher(PasswordHasher):
    """Counts how often a password was really looked at, and remembers against what."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.looks = 0
        self.seen = ""

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.looks += 1
        self.seen = str(hash)
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
def store(rig: ServiceRig, hasher: CountingHasher) -> PeopleStore:
    made = PeopleStore(rig.app.state.books.database, rig.clock.now, hasher)
    made.add("wang", PASSWORD, Role.OPERATOR, None, "test")
    return made


def test_the_right_password_and_no_other(store: PeopleStore) -> None:
    assert store.log_in(RIGHT) == Person("wang", Role.OPERATOR, None)
    for wrong in ("", "correct horse batterz", PASSWORD + " ", PASSWORD.upper(), "\ud800"):
        assert store.log_in(replace(RIGHT, password=wrong, source=f"10.1.{len(wrong)}.1")) == LoginRefused()


def test_hashes_are_argon2id_and_salted(rig: ServiceRig, store: PeopleStore) -> None:
    from sqlalchemy import select

    from service.store.identity_tables import people

    store.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")
    with rig.app.state.books.database.reading() as connection:
        hashes = [row.password_hash for row in connection.execute(select(people))]
    assert len(set(hashes)) == 2
    assert all(h.startswith("$argon2id$v=19$") for h in hashes)
    default = PasswordHasher()
    assert (default.memory_cost, default.time_cost, default.parallelism) == (65536, 3, 4), "RFC 9106, low memory"


def test_five_hundred_wrong_log_ins_and_the_right_one_still_works(
    rig: ServiceRig, store: PeopleStore, hasher: CountingHasher
) -> None:
    known = store.know_browser("wang")
    outcomes = [store.log_in(WRONG) for _ in range(500)]
    throttled = [o for o in outcomes if isinstance(o, LoginRefused) and o.wait_s > 0]
    assert (len(throttled), hasher.looks) == (495, 5)
    assert store.log_in(RIGHT) == Person("wang", Role.OPERATOR, None), "from another address, at once"
    here = replace(RIGHT, source=WRONG.source)
    assert isinstance(store.log_in(here), LoginRefused), "from the attacker's own address it has to wait"
    assert store.log_in(replace(here, browser=known)) == Person("wang", Role.OPERATOR, None), "a known browser need not"
    rig.clock.move(throttled[-1].wait_s)
    assert store.log_in(here) == Person("wang", Role.OPERATOR, None), "and after the wait anyone may"


def test_an_attack_from_everywhere_slows_strangers_alone(store: PeopleStore, hasher: CountingHasher) -> None:
    known = store.know_browser("wang")
    for n in range(500):
        store.log_in(replace(WRONG, source=f"10.{n // 250}.{n % 250}.1"))
    assert hasher.looks == 50
    assert isinstance(store.log_in(RIGHT), LoginRefused)
    assert store.log_in(replace(RIGHT, browser=known)) == Person("wang", Role.OPERATOR, None)


@pytest.mark.slow
def test_a_browser_known_for_one_account_is_a_stranger_to_others(store: PeopleStore, hasher: CountingHasher) -> None:
    store.add("li", PASSWORD, Role.OPERATOR, None, "test")
    known = store.know_browser("li")
    for _ in range(30):
        store.log_in(replace(WRONG, browser=known))
    assert hasher.looks == 5


def test_many_accounts_from_one_address_are_slowed_too(store: PeopleStore, hasher: CountingHasher) -> None:
    for n in range(100):
        store.log_in(replace(WRONG, name=f"user{n}"))
    assert hasher.looks == 20


def test_unknown_names_cost_a_hash_and_are_not_written_down(
    rig: ServiceRig, store: PeopleStore, hasher: CountingHasher
) -> None:
    assert store.log_in(Attempt("my-password-by-mistake", "x", "10.0.0.9")) == LoginRefused()
    assert hasher.looks == 1
    assert extract_parameters(hasher.seen) == extract_parameters(hasher.hash(PASSWORD)), "as dear as that of a person"
    with rig.app.state.books.database.reading() as connection:
        deeds = list(trail.last(connection, 5))
    assert (deeds[0].action, deeds[0].subject) == ("login.refused", "?")
    assert "my-password" not in str(deeds)


def test_the_disabled_are_out_at_once(rig: ServiceRig, store: PeopleStore) -> None:
    token = rig.identity.sessions.begin(Person("wang", Role.OPERATOR, None), "10.0.0.1")
    assert rig.identity.sessions.find(token) is not None
    store.disable("wang", "test")
    assert rig.identity.sessions.find(token) is None
    assert store.log_in(RIGHT) == LoginRefused()
    store.enable("wang", "test")
    assert rig.identity.sessions.find(token) is None
    assert isinstance(store.log_in(RIGHT), Person)


def test_a_new_role_counts_from_the_next_request(rig: ServiceRig, store: PeopleStore) -> None:
    token = rig.identity.sessions.begin(Person("wang", Role.OPERATOR, None), "10.0.0.1")
    store.change_role("wang", Role.ATTENDANT, "test")
    session = rig.identity.sessions.find(token)
    assert session is not None
    assert session.person.role is Role.ATTENDANT


def test_a_new_password_ends_all_sessions(rig: ServiceRig, store: PeopleStore) -> None:
    token = rig.identity.sessions.begin(Person("wang", Role.OPERATOR, None), "10.0.0.1")
    store.change_password("wang", "another fine sentence", "test")
    assert rig.identity.sessions.find(token) is None
    assert store.log_in(RIGHT) == LoginRefused()


@pytest.mark.sample(3)
@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaaaaaa", "my name is wang", "121212121212"])
def test_passwords_that_are_easy_to_guess(store: PeopleStore, password: str) -> None:
    with pytest.raises(AdminError):
        store.change_password("wang", password, "test")


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", ["", "W", "王", "a b", "1st", "x" * 41, "a\n"])
def test_names(store: PeopleStore, name: str) -> None:
    with pytest.raises(AdminError):
        store.add(name, PASSWORD, Role.OPERATOR, None, "test")


def test_what_cannot_be_done_is_said(store: PeopleStore) -> None:
    with pytest.raises(AdminError, match="this name is taken"):
        store.add("wang", PASSWORD, Role.OPERATOR, None, "test")
    with pytest.raises(AdminError, match="no station S9; `station set` makes one"):
        store.add("li", PASSWORD, Role.PANEL, "S9", "test", lane="L1")
    for station, lane in (("S1", None), (None, "L1"), (None, None)):
        with pytest.raises(AdminError, match="--station S and --lane L"):
            store.add("li", PASSWORD, Role.PANEL, station, "test", lane=lane)
        with pytest.raises(AdminError, match="--station S and --lane L"):
            store.change_role("wang", Role.PANEL, "test", station=station, lane=lane)
    with pytest.raises(AdminError, match="only the role panel takes --lane"):
        store.add("li", PASSWORD, Role.ATTENDANT, "S1", "test", lane="L1")
    with pytest.raises(AdminError, match="nobody with this name"):
        store.disable("li", "test")


def test_roles_are_ranked() -> None:
    ladder = [role for role in Role if role is not Role.FLEET]
    for rank, role in enumerate(ladder):
        assert [role.covers(other) for other in ladder] == [n <= rank for n in range(len(ladder))]


def test_a_fleets_account_is_apart_from_the_station() -> None:
    assert Role.FLEET.covers(Role.FLEET)
    others = [role for role in Role if role is not Role.FLEET]
    assert not any(Role.FLEET.covers(other) or other.covers(Role.FLEET) for other in others)


@pytest.fixture
def sessions(rig: ServiceRig) -> SessionStore:
    return rig.identity.sessions


@pytest.mark.sample(3)
@pytest.mark.parametrize("role", Role)
def test_sessions_end_when_idle_and_in_any_case(
    rig: ServiceRig, store: PeopleStore, sessions: SessionStore, role: Role
) -> None:
    fleet = "F1" if role is Role.FLEET else None
    if fleet is not None:
        with rig.app.state.books.database.writing() as connection:
            connection.execute(fleets.insert().values(name=fleet, created_us=1))
    station, lane = ("S1", "L1") if role is Role.PANEL else (None, None)
    store.change_role("wang", role, "test", fleet=fleet, station=station, lane=lane)
    idle, whole = LIVES[role]
    token = sessions.begin(Person("wang", role, None), "10.0.0.1")
    rig.clock.move(idle.total_seconds())
    assert sessions.find(token) is not None
    rig.clock.move(idle.total_seconds() + 1)
    assert sessions.find(token) is None, "idle"
    token, lived = sessions.begin(Person("wang", role, None), "10.0.0.1"), timedelta()
    while lived + idle / 2 <= whole:
        rig.clock.move((idle / 2).total_seconds())
        lived += idle / 2
        assert sessions.find(token) is not None
    rig.clock.move((idle / 2).total_seconds())
    assert sessions.find(token) is None, "absolute"


def test_tokens_are_kept_as_hashes_only(rig: ServiceRig, store: PeopleStore, sessions: SessionStore) -> None:
    token, known = sessions.begin(Person("wang", Role.OPERATOR, None), "10.0.0.1"), store.know_browser("wang")
    with rig.app.state.books.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert "sessions" in dump
    assert token not in dump
    assert known not in dump
    assert PASSWORD not in dump


def test_a_log_in_ends_the_session_before_it(sessions: SessionStore, store: PeopleStore) -> None:
    wang = Person("wang", Role.OPERATOR, None)
    first = sessions.begin(wang, "10.0.0.1")
    second = sessions.begin(wang, "10.0.0.1", replaces=first)
    assert sessions.find(first) is None
    found = sessions.find(second)
    assert found is not None
    sessions.end(found)
    sessions.end(found)
    assert sessions.find(second) is None


def test_the_trail_cannot_be_changed(rig: ServiceRig, store: PeopleStore) -> None:
    from sqlalchemy import delete, update
    from sqlalchemy.exc import DatabaseError

    from service.store.schema import operator_events

    store.log_in(RIGHT)
    database = rig.app.state.books.database
    with pytest.raises(DatabaseError), database.writing() as connection:
        connection.execute(delete(operator_events))
    with pytest.raises(DatabaseError), database.writing() as connection:
        connection.execute(update(operator_events).values(actor="nobody"))
    assert CHEAP.memory_cost == 8


def test_a_clock_set_forward_and_back_locks_nobody_out(rig: ServiceRig, store: PeopleStore) -> None:
    """The buckets were touched in what is now the future, and gained nothing until it came."""
    rig.clock.move(30 * 86_400)
    for _ in range(20):
        store.log_in(replace(RIGHT, password="wrong"))
    rig.clock.move(-30 * 86_400)
    assert store.log_in(RIGHT) == Person("wang", Role.OPERATOR, None)
    for _ in range(20):
        store.log_in(replace(RIGHT, password="wrong"))
    assert isinstance(store.log_in(RIGHT), LoginRefused), "and guessing is slowed as ever"
