"""The pages of the live demonstration: who is logged in where, and a start page from which each is one click away."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request, Response
from starlette.responses import RedirectResponse

from greenlane.living.seeding import ACTOR, FLEET, LANE, STATION, SeededBooks
from service.identity import browser
from service.identity.access import AccessRefused, identity_of
from service.identity.people import Person, Role
from service.identity.web import page


@dataclass(frozen=True, slots=True)
class DemoPage:
    """One page. person: who is let in by a click, None where nobody logs in; more: what else is typed there."""

    name: str
    path: str
    title: tuple[str, str]
    sight: tuple[str, str]
    at_station: bool = False
    person: Person | None = None
    more: str = ""

    def url(self, base: str) -> str:
        """Its address; a host name of its own keeps log-ins apart, since cookies know no ports."""
        return f"http://{self.name}.localhost:{urlsplit(base).port}"


def demo_pages(seeded: SeededBooks) -> tuple[DemoPage, ...]:
    """All pages, in the order of a walk. Titles and sights: Chinese, English."""
    return (*_at_the_pump(), *_in_the_shop(seeded), *_of_customers(seeded))


def _at_the_pump() -> tuple[DemoPage, ...]:
    return (
        DemoPage(
            "panel",
            f"/panel/{LANE}",
            ("加油机触摸屏", "The panel at the pump"),
            (
                "司机看到的画面：等候、识别、绿灯、加油、已扣款",
                "What drivers see: waiting, reading, green, fuelling, charged",
            ),
            at_station=True,
            person=Person("pump", Role.PANEL, STATION, lane=LANE),
        ),
        DemoPage(
            "station",
            "/station",
            ("油站页面", "The station page"),
            (
                "每条进站记录的抓拍图和原因；看不清的车牌也在其中",
                "Every visit with its picture and reason; what could not be read, too",
            ),
            at_station=True,
            person=Person("zhang", Role.OPERATOR, STATION),
        ),
    )


def _in_the_shop(seeded: SeededBooks) -> tuple[DemoPage, ...]:
    return (
        DemoPage(
            "counter",
            "/counter",
            ("收银台", "The counter"),
            (
                f"给 {seeded.poor_plate} 充值，下一轮就是绿灯",
                f"Find {seeded.poor_plate}, open a shift, top up 200 yuan: its next round is green",
            ),
            person=Person("wang", Role.CASHIER, STATION),
        ),
        DemoPage(
            "office",
            "/office",
            ("站务", "The office"),
            ("今日概况：加油位、升数、金额、待处理事项", "The day at a glance: lanes, litres, yuan, what needs a hand"),
            person=Person("zhao", Role.ADMINISTRATOR, None),
        ),
    )


def _of_customers(seeded: SeededBooks) -> tuple[DemoPage, ...]:
    return (
        DemoPage(
            "phone",
            "/phone",
            ("付款人的手机", "The payer's phone"),
            (
                f"输入配对码后可查看 {seeded.payer} 的账单",
                f"Pair with the code: the bills of {seeded.payer} arrive here",
            ),
            more=seeded.pairing_code,
        ),
        DemoPage(
            "fleet",
            "/fleet",
            ("车队", "The fleet"),
            (
                f"{seeded.fleet_plate} 的里程和加油地点",
                f"Mileage and refuelling places of {seeded.fleet_plate}",
            ),
            person=Person("sun", Role.FLEET, None, fleet=FLEET),
        ),
    )


def add_people(app: FastAPI, password: str, found: Sequence[DemoPage]) -> None:
    """Make the log-ins of these demo_pages in an application."""
    for target in found:
        person = target.person
        if person is not None:
            bound = {"fleet": person.fleet, "lane": person.lane}
            app.state.identity.people.add(person.name, password, person.role, person.station, ACTOR, **bound)


def serve_pages(app: FastAPI, token: str, found: Sequence[DemoPage]) -> None:
    """Each page at /demo/TOKEN/NAME: a click logs its person in and shows the page."""
    by_name = {target.name: target for target in found}

    @app.get("/demo/{given}/{name}", include_in_schema=False)
    def enter(request: Request, given: str, name: str) -> Response:
        """The token is what the terminal printed; without it there is no such page."""
        target = by_name.get(name)
        if target is None or not hmac.compare_digest(given.encode(), token.encode()):
            raise AccessRefused(404, "there is no such page")
        response = RedirectResponse(quote(target.path) + (f"#{target.more}" if target.more else ""), 303)
        if target.person is not None:
            secret = identity_of(request).sessions.begin(target.person, browser.source_of(request))
            browser.set_cookie(request, response, browser.SESSION_COOKIE, secret)
        return response


@dataclass(frozen=True, slots=True)
class StartLink:
    """One line of the start page. click: the address that logs in and leads to the page."""

    target: DemoPage
    click: str


def serve_start(app: FastAPI, token: str, password: str, entries: Sequence[StartLink]) -> None:
    """The start page at /demo/TOKEN. Nobody is logged in at its host, so its way home is the page itself."""

    @app.get("/demo/{given}", include_in_schema=False)
    def start(request: Request, given: str) -> Response:
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise AccessRefused(404, "there is no such page")
        return page(request, "demo.html", home=request.url.path, entries=entries, password=password)
