"""Orders at providers for an operator's list, and whether each way of paying takes a plate now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from service.payer_rules.capabilities import CAPABILITIES, UNFIT_WORDS, Unfit, unfit
from service.store.clock import from_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import charges
from service.store.payment_tables import payments, provider_plates
from service.store.zones import HOME_ZONE, midnight_us

ZONE = HOME_ZONE
"""Of the day that providers count."""

NEVER_HEARD = (
    "it has not said a word of any plate: is it set up (greenlane service --payments)?",
    "从未返回过任何车牌的状态：是否已配置（greenlane service --payments）？",
)
"""Of a provider. Only the service reads who is set up; the books know who has answered."""


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """One order; times: how often its provider was asked. station: of the charge, whose clock shows `at`."""

    number: str
    at: datetime
    station: str
    provider: str
    charge: str
    plate: str
    amount_fen: int
    state: str
    times: int
    reason: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way of paying for one plate; unfit, words and words_zh: why it does not, empty where it does."""

    way: str
    state: str | None
    unfit: str | None
    words: str
    words_zh: str


def orders(database: Database, state: str | None = None) -> tuple[ListedOrder, ...]:
    """Oldest first."""
    query = select(payments, charges.c.station).join(charges, charges.c.id == payments.c.charge)
    query = query.order_by(payments.c.made_us, payments.c.number)
    if state is not None:
        query = query.where(payments.c.state == state)
    with telling_faults(), database.reading() as connection:
        return tuple(
            ListedOrder(
                row.number,
                from_us(row.made_us),
                row.station,
                row.provider,
                row.charge,
                row.plate,
                row.amount_fen,
                row.state,
                row.times,
                row.reason,
            )
            for row in connection.execute(query)
        )


def has_spoken(database: Database, way: str) -> bool:
    """Whether it needs no provider, or its provider has said of any plate whether it pays: one that is set up has."""
    if CAPABILITIES[way].is_embedded:
        return True
    with telling_faults(), database.reading() as connection:
        found = connection.execute(select(provider_plates.c.plate).where(provider_plates.c.provider == way).limit(1))
        return found.first() is not None


def ways(database: Database, plate: str, amount_fen: int, now: datetime, *, is_set_up: bool = False) -> tuple[Way, ...]:
    """Whether each way takes an amount for a plate now. is_set_up: who asks knows that the providers are."""
    local = now.astimezone(ZONE)
    began_us = midnight_us(ZONE, now)
    today = select(payments.c.provider, payments.c.amount_fen).where(
        payments.c.plate == plate, payments.c.captured_us >= began_us
    )
    stored = select(provider_plates.c.provider, provider_plates.c.state).where(provider_plates.c.plate == plate)
    with telling_faults(), database.reading() as connection:
        states = {row.provider: row.state for row in connection.execute(stored)}
        asked = list(connection.execute(today))
        heard = set(connection.execute(select(provider_plates.c.provider).distinct()).scalars())
    found = []
    for way in CAPABILITIES:
        asked_fen = [fen for provider, fen in asked if provider == way]
        why = unfit(way, plate, states.get(way), local.hour * 60 + local.minute, asked_fen, amount_fen)
        words, words_zh = ("", "") if why is None else UNFIT_WORDS[why]
        if why is Unfit.NOT_ASKED and not is_set_up and way not in heard:
            words, words_zh = NEVER_HEARD
        found.append(Way(way, states.get(way), None if why is None else why.value, words, words_zh))
    return tuple(found)
