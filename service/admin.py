"""What operators may do: stations, prices, cards and plates are set up here, and money is paid in and out.

Every change is written beside the name of who made it. Money goes through the books like every other message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, select

from service.books.books import Books
from service.books.messages import Answer, Claim, Correct, Message, Refund, Refused, Release, TopUp, WriteOff
from service.books.records import ACTIVE, BLOCKED, AccountKind
from service.errors import AdminError
from service.naming import require_name, require_plate
from service.payers.wallets import desk_key
from service.store import schema
from service.store.clock import to_us
from service.store.database import telling_faults
from service.store.payer_tables import plate_payers
from service.store.zones import DEFAULT_ZONE
from wire.money import MAX_FEN
from wire.plates import normalise

DEFAULT_PRESET_FEN = 10_000
AnyCard = Literal["any card"]
ANY_CARD: AnyCard = "any card"
AsPreset = Literal["preset"]
AS_PRESET: AsPreset = "preset"
"""In place of a cap's amount: the preset amount counts."""
NoLimit = Literal["none"]
NO_LIMIT: NoLimit = "none"
"""In place of a limit's amount: there is none."""


class Admin:
    """What an operator, `actor`, may change. Raises AdminError with the reason for what can't be done."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._database = books.database
        self._actor = actor

    def set_station(
        self,
        name: str,
        *,
        title: str | None = None,
        preset_fen: int | None = None,
        zone: str | None = None,
        offline_fen: int | None = None,
        unauthorised_cap_fen: int | AsPreset | None = None,
        second_person_fen: int | NoLimit | None = None,
        at: tuple[int, int, str] | None = None,
    ) -> None:
        """Set a station up, or change what is given: title, preset amount in fen, time zone by IANA name.

        offline_fen: what each card may have outstanding there while the line is down; 0 for nothing.
        unauthorised_cap_fen: what fuellings without an authorisation may take from one card in a day.
        second_person_fen: above it in a day, refunds and corrections wait at the counter for a second person.
        at: where it stands, in 1e-7 degree of latitude and longitude, and their datum.
        """
        require_name(name, "station")
        _require_rules(zone, preset_fen, (offline_fen, unauthorised_cap_fen, second_person_fen))
        given = {
            "name": title,
            "preset_fen": preset_fen,
            "zone": zone,
            "offline_fen": offline_fen,
            "unauthorised_cap_fen": unauthorised_cap_fen,
            "second_person_fen": second_person_fen,
            **dict(zip(("lat_e7", "lon_e7", "datum"), at or (None, None, None), strict=True)),
        }
        with self._change("set_station", name, dict(given)) as connection:
            changes = {c: None if v in (AS_PRESET, NO_LIMIT) else v for c, v in given.items() if v is not None}
            if _exists(connection, schema.stations, name):
                if changes:
                    connection.execute(schema.stations.update().where(schema.stations.c.id == name).values(**changes))
                return
            self._add_station(connection, name, changes)

    def _add_station(self, connection: Connection, name: str, given: Mapping[str, Any]) -> None:
        row = {"name": name, "preset_fen": DEFAULT_PRESET_FEN, "zone": DEFAULT_ZONE, **given}
        connection.execute(
            schema.stations.insert().values(
                id=name,
                revenue_account=self._account(connection, AccountKind.REVENUE, name),
                suspense_account=self._account(connection, AccountKind.SUSPENSE, name),
                created_us=to_us(self._books.clock.now()),
                **row,
            )
        )

    def set_price(self, station: str, product: str, unit_price_fen_per_l: int) -> None:
        """The price of a product from now on, in fen per litre."""
        if not 0 < unit_price_fen_per_l <= 10**6:
            raise AdminError("a price lies between 0.01 and 10000 yuan per litre")
        if not 1 <= len(product) <= 20 or not product.isprintable():
            raise AdminError("a product's name has 1 to 20 printable characters")
        with self._change("set_price", station, product=product, fen_per_l=unit_price_fen_per_l) as connection:
            if not _exists(connection, schema.stations, station):
                raise AdminError(f"no station {station}; `station set` makes one")
            since_us = to_us(self._books.clock.now())
            key = {"station": station, "product": product}
            while connection.execute(select(1).where(*_equal(schema.prices, since_us=since_us, **key))).first():
                since_us += 1
            connection.execute(
                schema.prices.insert().values(since_us=since_us, unit_price_fen_per_l=unit_price_fen_per_l, **key)
            )

    def create_card(
        self, card: str, *, name: str = "", preset_fen: int | None = None, whole_balance: bool = False
    ) -> None:
        """A new card without money. preset_fen None: the station's preset amount counts."""
        require_name(card, "card")
        if preset_fen is not None:
            _require_amount(preset_fen)
        with self._change("create_card", card, name=name, preset_fen=preset_fen, whole=whole_balance) as connection:
            if _exists(connection, schema.cards, card):
                raise AdminError(f"card {card} exists already")
            connection.execute(
                schema.cards.insert().values(
                    id=card,
                    name=name[:80],
                    state=ACTIVE,
                    preset_fen=preset_fen,
                    whole_balance=whole_balance,
                    account=self._account(connection, AccountKind.CARD, card),
                    receivable=self._account(connection, AccountKind.RECEIVABLE, card),
                    created_us=to_us(self._books.clock.now()),
                )
            )

    def set_card_preset(self, card: str, preset_fen: int | None, whole_balance: bool) -> None:
        """Change the preset amount (None: the station's counts) and whether holds take the whole balance."""
        if preset_fen is not None:
            _require_amount(preset_fen)
        with self._change("set_card_preset", card, preset_fen=preset_fen, whole=whole_balance) as connection:
            self._update_card(connection, card, preset_fen=preset_fen, whole_balance=whole_balance)

    def set_card_offline(self, card: str, offline_fen: int | None) -> None:
        """What the card may have outstanding offline at any station; 0 for nothing, None: the station's cap counts."""
        if offline_fen is not None:
            _require_cap(offline_fen)
        with self._change("set_card_offline", card, offline_fen=offline_fen) as connection:
            self._update_card(connection, card, offline_fen=offline_fen)

    def block_card(self, card: str, blocked: bool) -> None:
        """A blocked card is refused; fuellings under way are still posted."""
        with self._change("block_card" if blocked else "unblock_card", card) as connection:
            self._update_card(connection, card, state=BLOCKED if blocked else ACTIVE)

    def bind_plate(self, plate: str, card: str, *, moved_from: str | AnyCard | None = ANY_CARD) -> str:
        """Bind a plate to a card, or move it there from moved_from alone; returns the plate as it is kept."""
        kept = require_plate(plate)
        detail: dict[str, object] = {"card": card}
        with self._change("bind_plate", kept, detail) as connection:
            if not _exists(connection, schema.cards, card):
                raise AdminError(f"no card {card}; `card create` makes one")
            plates = schema.plates.c
            before = connection.execute(select(plates.card).where(plates.plate == kept)).scalar()
            if before not in (None, card):
                if moved_from not in (ANY_CARD, before):
                    raise AdminError(f"plate {kept} is bound to card {before} by now; look at it and bind it again")
                detail["from"] = before
            now_us = to_us(self._books.clock.now())
            values = {"card": card, "payer_kind": "card", "bound_us": now_us}
            changed = connection.execute(schema.plates.update().where(schema.plates.c.plate == kept).values(**values))
            if changed.rowcount == 0:
                connection.execute(schema.plates.insert().values(plate=kept, state=ACTIVE, **values))
        return kept

    def unbind_plate(self, plate: str) -> str:
        """Forget a plate, or only its card where phones pay for it too; what was fuelled under it stays."""
        kept = require_plate(plate)
        with self._change("unbind_plate", kept) as connection:
            if not _forget_card(connection, kept):
                raise AdminError(f"plate {kept} is not bound")
        return kept

    def block_plate(self, plate: str, blocked: bool) -> str:
        """A blocked plate is refused while its card's other plates go on."""
        kept = require_plate(plate)
        with self._change("block_plate" if blocked else "unblock_plate", kept) as connection:
            state = BLOCKED if blocked else ACTIVE
            changed = connection.execute(
                schema.plates.update().where(schema.plates.c.plate == kept).values(state=state)
            )
            if changed.rowcount == 0:
                raise AdminError(f"plate {kept} is not bound")
        return kept

    def top_up(self, card: str, amount_fen: int, *, key: str | None = None, note: str = "") -> bool:
        """Pay money in. False when the key was posted before: then nothing was posted now."""
        _require_amount(amount_fen)
        return self._post(TopUp(card=card, amount_fen=amount_fen, key=desk_key(key), actor=self._actor, note=note))

    def refund(self, card: str, amount_fen: int, *, key: str | None = None, note: str = "") -> bool:
        """Pay money out, at most what is free."""
        _require_amount(amount_fen)
        return self._post(Refund(card=card, amount_fen=amount_fen, key=desk_key(key), actor=self._actor, note=note))

    def correct(self, card: str, amount_fen: int, *, note: str, key: str | None = None) -> bool:
        """Post a correction with its reason, above zero in the card's favour."""
        _require_amount(abs(amount_fen))
        if not note.strip():
            raise AdminError("a correction needs its reason")
        return self._post(Correct(card=card, amount_fen=amount_fen, key=desk_key(key), actor=self._actor, note=note))

    def claim(self, dispenser: str, sequence: int, card: str, *, station: str | None = None, note: str = "") -> None:
        """Charge what is in suspense of a fuelling to a card. station: needed where several have such a fuelling."""
        name = self.station_of(dispenser, sequence, station)
        self._post(Claim(station=name, dispenser=dispenser, sequence=sequence, card=card, actor=self._actor, note=note))

    def write_off(self, dispenser: str, sequence: int, *, note: str, station: str | None = None) -> None:
        """Give up what is in suspense of a fuelling; the company bears it."""
        if not note.strip():
            raise AdminError("a write-off needs its reason")
        name = self.station_of(dispenser, sequence, station)
        self._post(WriteOff(station=name, dispenser=dispenser, sequence=sequence, actor=self._actor, note=note))

    def release(self, plate: str, *, why: str) -> str:
        """Give back the open authorisation of a plate whose lane unit cannot any more; returns where it was open.

        The lane unit is not told: a green lamp there ends with its next renewal, or with the authorisation's time.
        """
        wanted, c = require_plate(plate), schema.authorisations.c
        with self._books.database.reading() as connection:
            rows = connection.execute(select(c.id, c.plate, c.station, c.lane).where(c.state == "open")).all()
        mine = [row for row in rows if normalise(row.plate) == wanted]
        if not mine:
            raise AdminError(f"plate {wanted} has no open authorisation")
        for row in mine:
            with self._change("release_authorisation", row.id, plate=wanted, lane=f"{row.station}/{row.lane}", why=why):
                pass
            self._post(Release(row.id))
        return ", ".join(f"{row.station}/{row.lane}" for row in mine)

    def explain_gap(self, dispenser: str, sequence: int, note: str, *, station: str | None = None) -> None:
        """Say why a dispenser's sequence or totaliser jumped before this fuelling, so that the audit accepts it."""
        if not note.strip():
            raise AdminError("a gap needs its explanation")
        name = self.station_of(dispenser, sequence, station)
        with self._change("explain_gap", f"{dispenser} {sequence}", note=note, station=name):
            pass

    def station_of(self, dispenser: str, sequence: int, station: str | None) -> str:
        """The station of a fuelling that is named by dispenser and sequence."""
        columns = schema.fuellings.c
        query = select(columns.station).where(columns.dispenser == dispenser, columns.sequence == sequence)
        if station is not None:
            query = query.where(columns.station == station)
        with telling_faults(), self._database.reading() as connection:
            found = sorted(connection.execute(query).scalars())
        if not found:
            raise AdminError(f"no fuelling {dispenser} {sequence}" + ("" if station is None else f" at {station}"))
        if len(found) > 1:
            raise AdminError(f"fuelling {dispenser} {sequence} is there at {', '.join(found)}: name one with --station")
        return str(found[0])

    def _post(self, message: Message) -> bool:
        answer: Answer = self._books.carry_out_one(message)
        if isinstance(answer, Refused):
            raise AdminError(answer.detail)
        return not getattr(answer, "repeated", False)

    @contextmanager
    def _change(
        self, action: str, subject: str, known: dict[str, object] | None = None, **detail: object
    ) -> Iterator[Connection]:
        """A transaction with its line in the trail; known: more of its detail, also what is found on the way."""
        now_us = to_us(self._books.clock.now())
        with telling_faults(), self._database.writing() as connection:
            yield connection
            connection.execute(
                schema.operator_events.insert().values(
                    id=self._books.ids.next(now_us),
                    at_us=now_us,
                    actor=self._actor[:80],
                    action=action,
                    subject=subject,
                    detail=json.dumps({**(known or {}), **detail}, ensure_ascii=False),
                )
            )

    def _account(self, connection: Connection, kind: AccountKind, owner: str) -> int:
        number = self._books.ids.next(to_us(self._books.clock.now()))
        connection.execute(schema.accounts.insert().values(id=number, kind=kind.value, owner=owner))
        return number

    def _update_card(self, connection: Connection, card: str, **values: object) -> None:
        changed = connection.execute(schema.cards.update().where(schema.cards.c.id == card).values(**values))
        if changed.rowcount == 0:
            raise AdminError(f"no card {card}")


def _require_rules(zone: str | None, preset_fen: int | None, caps_fen: Iterable[object]) -> None:
    """Raises AdminError for a station's rule that cannot be; what is not a number stands for a default."""
    if zone is not None:
        _require_zone(zone)
    if preset_fen is not None:
        _require_amount(preset_fen)
    for cap_fen in caps_fen:
        if isinstance(cap_fen, int):
            _require_cap(cap_fen)


def _require_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise AdminError(f"{zone!r} is not a time zone: write one like {DEFAULT_ZONE}") from None


def _require_amount(amount_fen: int) -> None:
    if not 0 < amount_fen <= MAX_FEN:
        raise AdminError("an amount lies above 0 and below ten thousand million yuan")


def _require_cap(cap_fen: int) -> None:
    if not 0 <= cap_fen <= MAX_FEN:
        raise AdminError("a cap lies between 0 and ten thousand million yuan")


def _forget_card(connection: Connection, plate: str) -> bool:
    """Whether the plate was bound to a card."""
    plates = schema.plates
    bound = plates.c.plate == plate, plates.c.card.is_not(None)
    if connection.execute(select(1).where(plate_payers.c.plate == plate)).first() is None:
        return connection.execute(plates.delete().where(*bound)).rowcount > 0
    return connection.execute(plates.update().where(*bound).values(card=None, payer_kind="phone")).rowcount > 0


def _exists(connection: Connection, table: Table, name: str) -> bool:
    return connection.execute(select(1).select_from(table).where(table.c.id == name)).first() is not None


def _equal(table: Table, **values: object) -> list[Any]:
    return [table.c[name] == value for name, value in values.items()]
