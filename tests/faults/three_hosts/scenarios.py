"""The scenarios: what fails, who comes meanwhile, and what each lamp must make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.three_hosts.network import Line, Rule
from tests.faults.three_hosts.scene import EITHER, Coming, Scene
from tests.station.cable import Fault

BY_SERVER, BY_LIST, OVER_CAP = ("ok",), ("offline_allowed",), ("offline_cap",)
BY_EITHER, NOT_LISTED = (EITHER,), ("service_fault",)


@dataclass(frozen=True)
class Scenario:
    """title: what fails, in words. play leaves every line and program well."""

    name: str
    title: str
    play: Callable[[Scene], None]


def _hour(s: Scene) -> None:
    a, b, c, d, e, poor = s.car(), s.car(), s.car(), s.car(), s.car(), s.poor_car()
    s.cut()
    s.come(
        Coming("L1", a, "on the list, within its cap", BY_LIST, 4_000),
        Coming("L2", b, "no plate, typed at the panel", BY_LIST, 3_000, typed=True),
    )
    s.minutes(20)
    s.come(
        Coming("L1", a, "again, wants 50 yuan: 20 are left of its cap", BY_LIST, 5_000),
        Coming("L2", poor, "not on the list", NOT_LISTED),
    )
    s.minutes(20)
    s.town.admin.cards.block(s.town.card_of(c), True)
    s.come(
        Coming("L1", a, "a third time: its cap is used up", OVER_CAP),
        Coming("L2", c, "its card was blocked at the server meanwhile", BY_LIST, 3_000),
    )
    s.minutes(20)
    s.come(Coming("L1", d, "wants 100 yuan: 30 are left of the station's cap", BY_LIST, 10_000))
    s.come(Coming("L2", e, "the station's cap is used up", OVER_CAP))
    s.mend()


def _expiry(s: Scene) -> None:
    a, b = s.car(), s.car()
    s.cut()
    s.come(Coming("L1", a, "on the list, within its cap", BY_LIST, 2_000))
    s.minutes(12 * 60)
    s.come(
        Coming(
            "L1", a, "the list has expired; then the line is back", ("service_fault", "ok"), 2_000, meanwhile=s.mend
        ),
        Coming("L2", b, "the same", ("service_fault", "ok"), 2_000),
    )


def _loss(s: Scene) -> None:
    s.cut(Rule.LOSS)
    for _ in range(4):
        s.come(*(Coming(lane, s.car(), "on the list", BY_EITHER, 2_000) for lane in ("L1", "L2")))
    s.mend()


def _reset(s: Scene) -> None:
    s.cut(Rule.RESET)
    _two_on_the_list(s)
    s.mend()


def _half(s: Scene) -> None:
    s.spoil(Fault.HALF)
    _two_on_the_list(s)
    s.mend()


def _late(s: Scene) -> None:
    s.spoil(Fault.LATE)
    s.come(
        Coming("L1", s.car(), "on the list", BY_LIST, 2_000),
        Coming(
            "L2",
            s.poor_car(),
            "not on the list; then the line is well",
            ("service_fault", "ok"),
            2_000,
            meanwhile=s.mend,
        ),
    )


def _twice(s: Scene) -> None:
    s.spoil(Fault.TWICE)
    for _ in range(2):
        s.come(*(Coming(lane, s.car(), "on the list", BY_EITHER, 2_000) for lane in ("L1", "L2")))
    s.mend()


def _both_lines(s: Scene) -> None:
    s.cut()
    s.come(
        Coming(
            "L1",
            s.car(),
            "the lanes' line is cut as well while fuel flows",
            BY_LIST,
            5_000,
            meanwhile=lambda: s.cut(line=Line.LANES),
        ),
    )
    s.come(
        Coming(
            "L2",
            s.car(),
            "nobody answers; then the lanes' line is back",
            ("service_silent", "offline_allowed"),
            2_000,
            meanwhile=lambda: s.cut(Rule.WELL, Line.LANES),
        ),
    )
    s.mend()


def _station(s: Scene) -> None:
    a, b, c, d = s.car(), s.car(), s.car(), s.car()
    station = s.town.station
    s.cut()
    s.come(Coming("L1", a, "the station is killed while fuel flows", BY_LIST, 4_000, meanwhile=station.kill))
    s.come(
        Coming(
            "L2",
            b,
            "nobody answers; then the station is started",
            ("service_silent", "offline_allowed"),
            3_000,
            meanwhile=s.town.start_station,
        ),
    )
    s.delivered()
    s.come(Coming("L1", a, "again, wants 50 yuan: the station knows that 20 are left", BY_LIST, 5_000))
    station.stop()
    s.town.start_station()
    s.come(Coming("L1", c, "after an orderly restart; wants 80 yuan, its cap is 60", BY_LIST, 8_000))
    s.come(Coming("L2", d, "the station's cap is used up", OVER_CAP))
    s.mend()


def _server(s: Scene) -> None:
    server = s.town.server
    s.come(Coming("L1", s.car(), "the server is killed while fuel flows", BY_SERVER, 4_000, meanwhile=server.kill))
    _two_on_the_list(s)
    s.town.start_server()
    s.mend()


def _two_on_the_list(s: Scene) -> None:
    s.come(*(Coming(lane, s.car(), "on the list", BY_LIST, 2_000) for lane in ("L1", "L2")))


SCENARIOS = (
    Scenario("hour", "the line to the server is cut for an hour", _hour),
    Scenario("expiry", "the line is cut for 12 hours: the list expires", _expiry),
    Scenario("loss", "30 % of all packets are lost, in both directions", _loss),
    Scenario("reset", "every connection to the server is reset", _reset),
    Scenario("half", "the server's answers are cut half-way", _half),
    Scenario("late", "the server's answers come 4 s late", _late),
    Scenario("twice", "the server's answers come twice", _twice),
    Scenario("both", "both lines are cut", _both_lines),
    Scenario("station", "the line is cut; the station is killed, started, restarted", _station),
    Scenario("server", "the server is killed and started again", _server),
)
