"""What `greenlane doctor` asks the balance service: is it there, does it take this lane's word, what time is it."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime

from controller.checks import Check, Severity
from controller.clock import SystemClock
from controller.errors import NotValidNow, Rejected
from controller.outbound.http import Health
from controller.settings_records import Settings
from wire.errors import GreenlaneError
from wire.reasons import ErrorCode

OK, WARN, FAIL = Severity.OK, Severity.WARN, Severity.FAIL

SLOW_ANSWER_MS = 500
CLOCK_WARN_S = 5.0
CLOCK_FAIL_S = 60.0
"""A question is refused when its picture lies a minute ahead of the service's clock, or two behind it."""


def service_checks(settings: Settings) -> tuple[Check, ...]:
    """The service, its clock beside this unit's, and whether it takes what this lane signs."""
    check, health = check_service(settings)
    if health is None or health.status_code != 200:
        found = "not checked: the service does not answer"
        advice = "see balance service"
        return check, Check("questions", WARN, found, advice), Check("service's clock", WARN, found, advice)
    return check, check_questions(settings), *check_ahead(settings), check_clocks(health, SystemClock().now())


def check_service(settings: Settings) -> tuple[Check, Health | None]:
    """Whether anything answers, and how fast."""
    from greenlane import service_clients

    service, clock = settings.service, SystemClock()
    try:
        with closing(service_clients.service_of(service, settings.lane.station, clock)) as client:
            began = time.perf_counter()
            health = client.health(service.deadline_s)
            took_ms = 1000 * (time.perf_counter() - began)
    except NotValidNow as error:
        advice = "renew the certificate at the service, or set this unit's clock"
        return Check("balance service", FAIL, f"{service.url}: {error}", advice), None
    except (GreenlaneError, OSError) as error:
        advice = "check url of [service], the network, and that greenlane service runs there"
        return Check("balance service", FAIL, f"{service.url}: {error}", advice), None
    found = f"{service.url} answers {health.status_code} in {took_ms:.0f} ms"
    if health.status_code != 200:
        return Check("balance service", FAIL, found, f"look at the service's log: {health.text[:120]}"), health
    if took_ms > SLOW_ANSWER_MS:
        return Check("balance service", WARN, found, "slow: drivers wait for green; look at network and server"), health
    return Check("balance service", OK, found), health


def check_questions(settings: Settings) -> Check:
    """Signs and sends what the running lane sends, without any effect: its station's prices, then its own orders."""
    from greenlane import service_clients

    service, lane, clock = settings.service, settings.lane, SystemClock()
    try:
        with (
            closing(service_clients.service_of(service, lane.station, clock)) as client,
            closing(service_clients.station_link_of(settings, clock)) as link,
        ):
            prices = client.prices(service.deadline_s)
            link.orders((), 0.0, service.deadline_s)
    except Rejected as error:
        return Check("questions", FAIL, f"refused: {error.detail}", _advice(error.reason, settings))
    except (GreenlaneError, OSError) as error:
        return Check("questions", FAIL, str(error), "look at the service's log; without answers every lamp stays red")
    if not prices:
        advice = f"set one: greenlane admin price set {lane.station} PRODUCT YUAN"
        found = f"taken from station {lane.station}, lane {lane.name}, which has no prices"
        return Check("questions", WARN, found, advice)
    if service.key_file:
        return Check("questions", OK, f"taken from station {lane.station}, lane {lane.name}, signed")
    return Check("questions", OK, f"taken from station {lane.station}, lane {lane.name}, unsigned")


def check_ahead(settings: Settings) -> tuple[Check, ...]:
    """Whether the service keeps what an entry camera asks ahead; nothing for a lane that does not ask early."""
    from greenlane import service_clients

    is_entry = settings.lane.role == "entry"
    if not is_entry and not settings.service.ask_early:
        return ()
    clock, deadline_s = SystemClock(), settings.service.deadline_s
    try:
        with closing(service_clients.ahead_link_of(settings, clock)) as link:
            expected = link.expected(0, 0.0, deadline_s)
    except Rejected as error:
        found = f"refused: {error.detail}"
        return (Check("asking ahead", FAIL if is_entry else WARN, found, _advice(error.reason, settings)),)
    except (GreenlaneError, OSError) as error:
        advice = "a service of an older version knows nothing of it: upgrade it; lanes work without"
        return (Check("asking ahead", FAIL if is_entry else WARN, str(error), advice),)
    return (Check("asking ahead", OK, f"{len(expected.plates)} plates are expected at the station now"),)


def _advice(reason: str, settings: Settings) -> str:
    """What to do about a refusal that would turn every question of this lane red."""
    lane, service = settings.lane, settings.service
    code = f"greenlane admin enrol --kind lane --station {lane.station} --lane {lane.name}"
    here = f"greenlane enrol CODE --service {service.url} --config /etc/greenlane/lane.toml"
    if reason == ErrorCode.UNAUTHENTICATED and not service.key_file:
        return f"enrol this unit: {code} at the service, then {here} here"
    if reason == ErrorCode.UNAUTHENTICATED:
        return (
            f"compare the clocks; if they agree, the key is not accepted: move it away, {code} at the service, {here}"
        )
    if reason == ErrorCode.FORBIDDEN:
        return "set station and name of [lane] to those that the key was enrolled for, or enrol this unit again"
    if reason == ErrorCode.UNKNOWN_STATION:
        return f"correct station of [lane], or set it up at the service: greenlane admin station set {lane.station}"
    return "every question is refused like this: look at the service's log"


def check_clocks(health: Health, now: datetime) -> Check:
    """This unit's clock beside the service's, which HTTP tells in whole seconds."""
    if health.date is None:
        return Check(
            "service's clock",
            WARN,
            "not reported by the service or a proxy in front of it",
            "compare the clocks by hand",
        )
    ahead_s = (now - health.date).total_seconds() - 0.5
    if abs(ahead_s) <= CLOCK_WARN_S:
        return Check("service's clock", OK, f"as this unit's, to {abs(ahead_s) + 0.5:.0f} s")
    found = f"this unit's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the service's"
    verdict = WARN if abs(ahead_s) <= CLOCK_FAIL_S else FAIL
    return Check(
        "service's clock", verdict, found, "let both follow a time server; too far apart, questions are refused"
    )
