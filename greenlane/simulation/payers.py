"""The persons of a simulation: paired phones with hours on plates, and what their charges came to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from greenlane.simulation.cast import Phone
from greenlane.simulation.results import ChargeFacts, PayerFacts
from service.books.books import Books
from service.payer_rules.periods import Hours, Rule
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.payers.simulated_phone import SimulatedPhone

ACTOR = "simulate"


def seed(books: Books, phones: Sequence[Phone], plates_with_card: set[str]) -> None:
    """Pair every person once, give them their hours, and let each sign a mandate that covers the wallet."""
    admin, payers = Phones(books, ACTOR), PlatePayers(books, ACTOR)
    for name in dict.fromkeys(phone.name for phone in phones):
        own = [phone for phone in phones if phone.name == name]
        code, wallet_fen = admin.add(name), own[0].wallet_fen
        if wallet_fen:
            admin.top_up(name, wallet_fen)
        for phone in own:
            payers.set(phone.plate, name, NewBinding(hours=Hours.parse(phone.hours)))
            if phone.plate in plates_with_card:
                payers.set_rule(phone.plate, Rule.CARD_THEN_PHONE)
        plates = list(dict.fromkeys(phone.plate for phone in own))
        SimulatedPhone(books, code.code).sign_mandate(plates, max(1, wallet_fen))


def payer_of(books: Books, plate: str, at: datetime, station: str) -> PayerFacts:
    """Whose hour a question's capture time is."""
    payer = PlatePayers(books, ACTOR).turn(plate, at, station)[0].payer
    return PayerFacts(payer.kind.value, payer.name)


def charges_of(books: Books, visits: set[str], first_frame_at: datetime) -> tuple[ChargeFacts, ...]:
    """The charges of these visits, with times in seconds of the video."""
    found = []
    for charge, period in Charging(books).with_periods():
        if charge.visit in visits:
            paid = None if charge.paid_at is None else round((charge.paid_at - first_frame_at).total_seconds(), 3)
            found.append(ChargeFacts(charge.visit, charge.phone, charge.amount_fen, charge.state, period, paid))
    return tuple(found)
