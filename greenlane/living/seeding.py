"""What the live demonstration's books begin with: a station, cards, a payer by phone, a fleet with its mileage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from greenlane.simulation import payers
from greenlane.simulation.cast import Bundled
from greenlane.simulation.world import UNIT_PRICE_FEN_PER_L
from service.admin.admin import Admin
from service.admin.typed_plates import TypedPlates
from service.books.books import Books
from service.errors import AdminError
from service.mileage.csv_lines import Bad
from service.mileage.readings import read_csv
from service.mileage.store import MileageStore
from service.mileage.vehicles import VehicleStore
from service.payers.phones import Phones
from wire.typed import TypedRule

ACTOR = "demo"
STATION, LANE, PRODUCT = "S1", "L1", "92"
TITLE, FLEET = "演示油站 Demo station", "蓝色货运 Blue Lorries"
"""Names are shown as they are in either language of a page."""
STATION_AT = (312_304_000, 1_214_737_000, "wgs84")
"""Somewhere in Shanghai, in 1e-7 degree."""
DAYS = 9
DAILY_KM = 62
TANK_L, PER_100KM_L = 60, 8
ROUNDS = 100
"""Who may refuel has so many times the clip's money: the clip comes again each minute, and is watched for hours."""


@dataclass(frozen=True, slots=True)
class SeededBooks:
    """What people need to know of it. pairing_code: binds one more phone to the payer of the clip's phone plate."""

    payer: str
    pairing_code: str
    poor_plate: str
    fleet_plate: str


def seed(books: Books, own: Bundled) -> SeededBooks:
    """Fill empty books for that clip."""
    admin = Admin(books, ACTOR)
    admin.stations.set(STATION, title=TITLE, preset_fen=own.preset_fen, at=STATION_AT)
    admin.stations.set_price(STATION, PRODUCT, UNIT_PRICE_FEN_PER_L)
    for number, card in enumerate(own.cards, start=1):
        name = f"C100{number}"
        admin.cards.create(name)
        admin.plates.bind(card.plate, name)
        TypedPlates(books, ACTOR).set_rule("card", name, TypedRule.FREE)
        if card.balance_fen:
            admin.money.top_up(name, card.balance_fen * (ROUNDS if card.balance_fen >= own.preset_fen else 1))
    phones = [replace(phone, wallet_fen=phone.wallet_fen * ROUNDS) for phone in own.phones]
    payers.seed(books, phones, {card.plate for card in own.cards})
    payer, code = own.phones[0].name, Phones(books, ACTOR).new_code(own.phones[0].name, adds=True)
    fleet_plate = own.cards[0].plate
    _seed_fleet(books, fleet_plate)
    poor = next(card.plate for card in own.cards if card.balance_fen < own.preset_fen)
    return SeededBooks(payer, code.code, poor, fleet_plate)


def _seed_fleet(books: Books, plate: str) -> None:
    """One vehicle that has driven for some days and refuelled elsewhere, as its odometer says."""
    vehicles = VehicleStore(books, ACTOR)
    vehicles.add_fleet(FLEET)
    vehicles.give_to_fleet(FLEET, plate)
    vehicles.set_vehicle(plate, tank_ml=TANK_L * 1000, per_100km_ml=PER_100KM_L * 1000, product=PRODUCT)

    def bad(row: Bad) -> None:
        raise AdminError(f"odometer of {plate}: {row.why}")

    MileageStore(books, ACTOR).take_readings(plate, read_csv(_odometer(books.clock.now())), bad)


def _odometer(now: datetime) -> Iterator[str]:
    """The lines of a driver's file: a reading each evening, every third with fuel taken elsewhere."""
    yield "at,odometer_km,litres,full"
    for day in range(DAYS):
        at = now - timedelta(days=DAYS - day, hours=1)
        refuels = day % 3 == 2
        litres = f"{3 * DAILY_KM * PER_100KM_L / 100:.1f}" if refuels else ""
        yield f"{at.isoformat(timespec='seconds')},{48_210 + DAILY_KM * day},{litres},{'yes' if refuels else ''}"
