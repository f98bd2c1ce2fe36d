"""All that one operator may change, by what it is about."""

from __future__ import annotations

from service.admin.cards import CardAdmin
from service.admin.fuellings import FuellingAdmin
from service.admin.money import MoneyAdmin
from service.admin.plates import PlateAdmin
from service.admin.recorded import RecordedChanges
from service.admin.stations import StationAdmin
from service.books.books import Books


class Admin:
    """What an operator, `actor`, may change. Every change is written beside the name of who made it."""

    def __init__(self, books: Books, actor: str) -> None:
        changes = RecordedChanges(books, actor)
        self.stations = StationAdmin(changes)
        self.cards = CardAdmin(changes)
        self.plates = PlateAdmin(changes)
        self.money = MoneyAdmin(changes)
        self.fuellings = FuellingAdmin(changes)
