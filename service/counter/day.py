"""A station's day at a glance: lanes, litres, yuan, holds, what needs a hand, and the sales of day and week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import Connection, func, select

from service.books.records import State
from service.counter.second_person import WAITING
from service.counter.tables import money_requests
from service.counter.views import StationFacts
from service.reports.suspense import suspended
from service.station.lane_statuses import Lane
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import charges
from wire.live import ENTRANCE
from wire.payers import ChargeState

HOURS, DAYS = 24, 7
WIDTH, HEIGHT, BASE, LEFT = 720, 210, 180, 44


@dataclass(frozen=True, slots=True)
class Glance:
    """Fuellings that ended today by the station's clock; holds that are open now."""

    day: str
    fuellings: int
    volume_ml: int
    amount_fen: int
    holds: int
    holds_fen: int
    lanes: int
    silent: tuple[str, ...]
    hours_fen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HandNeeded:
    """Something that waits for a person. path: where it is done; needs_administrator: by nobody of a lower role."""

    chinese: str
    english: str
    path: str
    needs_administrator: bool = False


@dataclass(frozen=True, slots=True)
class HourBar:
    """One hour of the plot, in its own units."""

    hour: int
    amount_fen: int
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of the week's plot, in its own units."""

    day: str
    amount_fen: int
    x: int
    y: int
    height: int


def glance(database: Database, station: StationFacts, lanes: Sequence[Lane], now: datetime) -> Glance:
    """The day so far."""
    day = now.astimezone(station.zone).date()
    begin = datetime.combine(day, time(), station.zone)
    end = datetime.combine(day + timedelta(days=1), time(), station.zone)
    with telling_faults(), database.reading() as connection:
        rows = _fuelled(connection, station.id, to_us(begin), to_us(end))
        held = schema.authorisations.c
        query = select(func.count(), func.coalesce(func.sum(held.limit_fen), 0))
        holds, holds_fen = connection.execute(
            query.where(held.station == station.id, held.state == State.OPEN.value)
        ).one()
    pumps = [lane for lane in lanes if lane.status.phase != ENTRANCE]
    hours = [0] * HOURS
    for ended_us, _, amount_fen in rows:
        hours[from_us(ended_us).astimezone(station.zone).hour] += amount_fen
    return Glance(
        day=day.isoformat(),
        fuellings=len(rows),
        volume_ml=sum(row[1] for row in rows),
        amount_fen=sum(row[2] for row in rows),
        holds=int(holds),
        holds_fen=int(holds_fen),
        lanes=len(pumps),
        silent=tuple(lane.status.lane for lane in pumps if lane.silent),
        hours_fen=tuple(hours),
    )


def week(database: Database, station: StationFacts, now: datetime) -> list[DayBar]:
    """Yuan of the seven days that end today, by the station's clock."""
    today = now.astimezone(station.zone).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    begin = datetime.combine(days[0], time(), station.zone)
    end = datetime.combine(today + timedelta(days=1), time(), station.zone)
    with telling_faults(), database.reading() as connection:
        rows = _fuelled(connection, station.id, to_us(begin), to_us(end))
    sums = dict.fromkeys(days, 0)
    for ended_us, _, amount_fen in rows:
        sums[from_us(ended_us).astimezone(station.zone).date()] += amount_fen
    most, step = max(sums.values()), (WIDTH - LEFT) // DAYS
    heights = [round((BASE - 20) * fen / most) if most else 0 for fen in sums.values()]
    return [
        DayBar(f"{day:%m-%d}", fen, LEFT + number * step, BASE - height, height)
        for number, ((day, fen), height) in enumerate(zip(sums.items(), heights, strict=True))
    ]


def needed(database: Database, station: StationFacts, lanes: Sequence[Lane], now: datetime) -> list[HandNeeded]:
    """What needs a hand, the most urgent first."""
    return [*_at_lanes(lanes), *_in_books(database, station, now)]


def bars(hours_fen: Sequence[int]) -> list[HourBar]:
    """The plot's bars; the highest hour reaches its top."""
    most = max(hours_fen, default=0)
    found = []
    for hour, amount_fen in enumerate(hours_fen):
        height = round((BASE - 20) * amount_fen / most) if most else 0
        found.append(HourBar(hour, amount_fen, LEFT + hour * (WIDTH - LEFT) // HOURS, BASE - height, height))
    return found


def _fuelled(connection: Connection, station: str, begin_us: int, end_us: int) -> list[tuple[int, int, int]]:
    f = schema.fuellings.c
    mine = f.station == station, f.ended_us >= begin_us, f.ended_us < end_us
    rows = connection.execute(select(f.ended_us, f.volume_ml, f.amount_fen).where(*mine))
    return [(row.ended_us, row.volume_ml, row.amount_fen) for row in rows]


def _at_lanes(lanes: Sequence[Lane]) -> Iterator[HandNeeded]:
    for lane in lanes:
        name, status = lane.status.lane, lane.status
        chinese, english = ("入口", "Entrance") if status.phase == ENTRANCE else ("加油位", "Lane")
        if lane.silent:
            yield HandNeeded(f"{chinese} {name} 离线", f"{english} {name} is silent", "/station")
        elif status.camera:
            words = f"{english} {name}: its camera has a fault"
            yield HandNeeded(f"{chinese} {name} 摄像头有故障", words, "/station")
        if status.parked:
            count = len(status.parked)
            words = f"Lane {name}: parked messages: {count}"
            yield HandNeeded(f"加油位 {name} 有 {count} 笔待人工处理记录", words, "/station")
        if status.damaged:
            yield HandNeeded(f"加油位 {name} 有损坏的状态文件", f"Lane {name}: a damaged state file", "/station")


def _in_books(database: Database, station: StationFacts, now: datetime) -> Iterator[HandNeeded]:
    day_ago_us = to_us(now - timedelta(days=1))
    rejected, asked = schema.rejected_messages.c, money_requests.c
    with telling_faults(), database.reading() as connection:
        mine = rejected.station == station.id, rejected.at_us >= day_ago_us
        refused = connection.execute(select(func.count()).where(*mine)).scalar_one()
        waits = asked.station == station.id, asked.state == WAITING
        waiting = connection.execute(select(func.count()).where(*waits)).scalar_one()
        doubted = charges.c.station == station.id, charges.c.state == ChargeState.DISPUTED
        disputed = connection.execute(select(func.count()).where(*doubted)).scalar_one()
    unclaimed = len(suspended(database, station.id))
    if waiting:
        yield HandNeeded(f"{waiting} 笔等待另一人确认", f"Waiting for a second person: {waiting}", "/office/requests")
    if refused:
        words = f"Reports refused within a day: {refused}"
        yield HandNeeded(f"一天内 {refused} 笔上报被拒", words, "/office/refused")
    if unclaimed:
        words = f"Fuellings that nobody was charged for: {unclaimed}"
        yield HandNeeded(f"{unclaimed} 笔加油无人付款", words, "/office/claims", needs_administrator=True)
    if disputed:
        yield HandNeeded(f"{disputed} 笔账单有争议", f"Disputed bills: {disputed}", "/office/bills")
