"""A fleet sees raw tracks of a driver's hours only where that driver agreed, from then on, until it is withdrawn."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from service.mileage.consents import TrackConsents
from service.payer_rules.periods import Hours, Rule
from service.payers.plate_payers import NewBinding, PlatePayers
from tests.service.fleet.conftest import BEGIN, OTHERS, OWN, Fleets
from tests.service.phone.kit import HttpPhone, person

DAY = "from=2026-04-06&to=2026-04-06"


class Drive:
    """Two hours of positions, a minute each, from 8 in the morning; the second hour is Chen's."""

    def __init__(self, fleets: Fleets) -> None:
        self.fleets = fleets
        self.now = fleets.rig.clock.moment
        self.at(BEGIN - timedelta(days=2))
        self.chen = self.driver("Chen")
        self.at(self.now)

    def at(self, moment: datetime) -> None:
        self.fleets.rig.clock.moment = moment

    def driver(self, name: str) -> HttpPhone:
        phone = person(self.fleets.rig, TestClient(self.fleets.rig.app), name, "9-24", plate=OWN)
        PlatePayers(self.fleets.rig.app.state.books, "test").set_rule(OWN, Rule.CARD_THEN_PHONE)
        return phone

    def say(self, phone: HttpPhone, change: str, minute: int, plate: str = OWN) -> int:
        """The phone's word, said at a minute of the drive; its status."""
        self.at(BEGIN + timedelta(minutes=minute))
        answer = phone.ask("POST", f"/v1/phone/tracks/{quote(plate)}/{change}")
        self.at(self.now)
        return answer.status_code

    def drawn(self, name: str = "mei") -> int:
        """How many positions the fleet's page draws."""
        page = self.fleets.client(name).get(f"/fleet/vehicles/{quote(OWN)}?lang=en&{DAY}")
        lines = re.findall(r'<polyline class="track" points="([^"]*)"', page.text)
        points = sum(len(line.split()) for line in lines)
        assert ("only where that driver has agreed" in page.text) == (points < 120)
        return points


@pytest.fixture
def drive(fleets: Fleets) -> Drive:
    return Drive(fleets)


def shown(phone: HttpPhone) -> list[bool | None]:
    return [one.get("tracks_agreed") for one in phone.ask("GET", "/v1/phone/hours").json()["own"]]


def test_a_drivers_positions_are_seen_from_their_consent_on_and_not_after_it_is_withdrawn(drive: Drive) -> None:
    assert (drive.drawn(), shown(drive.chen)) == (60, [False]), "by any rule of payment: the hours are Chen's"
    assert drive.say(drive.chen, "withdraw", 0) == 409
    assert drive.say(drive.chen, "agree", 90) == 204
    assert drive.say(drive.chen, "agree", 95) == 204
    assert (drive.drawn(), shown(drive.chen)) == (90, [True]), "those from before were not agreed to"
    assert drive.say(drive.chen, "withdraw", 200) == 204
    assert (drive.drawn(), shown(drive.chen)) == (60, [False])
    assert drive.say(drive.chen, "agree", 60) == 204
    assert drive.drawn() == 120


@pytest.mark.slow
def test_hours_that_two_share_need_both_and_another_fleet_is_not_meant(drive: Drive) -> None:
    drive.at(BEGIN - timedelta(days=1))
    wu = drive.driver("Wu")
    assert drive.say(drive.chen, "agree", 0) == 204
    assert drive.drawn() == 60
    assert drive.say(wu, "agree", 90) == 204
    assert drive.drawn() == 90
    drive.fleets.admin("fleet", "plate", "Li", OWN)
    assert drive.drawn("bo") == 60, "they agreed to Wang's seeing, not to Li's"
    assert shown(wu) == [False]


@pytest.mark.slow
def test_who_holds_no_hours_and_what_is_no_fleets_has_nothing_to_agree_to(drive: Drive) -> None:
    fleets = drive.fleets
    assert drive.say(drive.chen, "agree", 0, OTHERS) == 409
    books = fleets.rig.app.state.books
    PlatePayers(books, "test").set("粤B00007", "Chen", NewBinding(hours=Hours.parse("0-24")))
    assert drive.say(drive.chen, "agree", 0, "粤B00007") == 409
    assert sorted(shown(drive.chen), key=str) == [False, None]
    assert "holds no hours" in fleets.admin("track", "agree", OTHERS, "Chen", fails=True)
    assert "no phone Zhao" in fleets.admin("track", "agree", OWN, "Zhao", fails=True)
    assert fleets.admin("track", "agree", OWN, "Chen", "--json") == {"plate": OWN, "phone": "Chen", "fleet": "Wang"}
    (standing,) = fleets.admin("track", "agreed", OWN, "--json")
    assert (standing["name"], standing["fleet"]) == ("Chen", "Wang")
    assert [one["fleet"] for one in drive.chen.ask("GET", "/v1/phone/data").json()["tracks_agreed"]] == ["Wang"]
    fleets.admin("track", "withdraw", OWN, "Chen")
    assert fleets.admin("track", "agreed", OWN, "--json") == []
    fleets.admin("track", "agree", OWN, "Chen")
    fleets.admin("phone", "refund", "Chen", "500")
    fleets.admin("phone", "erase", "Chen", "--yes")
    assert fleets.admin("track", "agreed", OWN, "--json") == []
    said = ("track.agree", "track.withdraw")
    deeds = [d["action"] for d in fleets.admin("trail", "--json") if d["action"] in said]
    assert sorted(deeds) == ["track.agree", "track.agree", "track.withdraw"]
    assert TrackConsents(books, "test").standing(OWN) == ()
