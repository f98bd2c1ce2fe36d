"""The tables of who pays when: persons and their phones' keys, schedules, mandates, charges and what became of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

import service.store.vehicle_tables  # noqa: F401 - a plate's owner may be a fleet
from service.store.schema import ROW_ID, metadata

persons = Table(
    "persons",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("wallet", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("owed", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("pin_hash", String(200)),
    Column("pays_by", String(16), nullable=False, server_default="wallet"),
)
"""id is opaque, so that the books stay right when the name is erased. wallet: prepaid; owed: charges not paid yet.

pin_hash: argon2id, of the PIN that this payer types with a plate. pays_by: the way of paying that is asked first.
"""

phone_keys = Table(
    "phone_keys",
    metadata,
    Column("id", String(43), primary_key=True),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("algorithm", String(8), nullable=False),
    Column("public_key", String(200), nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    Column("consent", String(20)),
    CheckConstraint("algorithm in ('ed25519', 'p256')", name="algorithm"),
    Index(None, "person"),
)
"""Public keys alone. Revoked ones stay, so that what they signed can be proved.

consent: version of the words that the person agreed to when this key was bound; null where no page asked for it.
"""

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
    Column("adds", Boolean, nullable=False, server_default=text("false")),
    Index(None, "person"),
)
"""adds: the code is for another phone, so that those before it go on."""

plate_payers = Table(
    "plate_payers",
    metadata,
    Column("plate", String(12), primary_key=True),
    Column("rule", String(16)),
    Column("owner", String(40), ForeignKey("persons.id")),
    Column("fleet", String(40), ForeignKey("fleets.name")),
    CheckConstraint("rule in ('card', 'phone', 'card-then-phone', 'phone-then-card')", name="rule"),
    CheckConstraint("owner is null or fleet is null", name="one_owner"),
    Index(None, "fleet"),
)
"""rule null: card where the plate has one, else phone. owner, fleet: whose plate it is, a person's or a fleet's."""

payer_bindings = Table(
    "payer_bindings",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("plate", String(12), nullable=False),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("start_min", Integer, nullable=False),
    Column("end_min", Integer, nullable=False),
    Column("order_no", Integer, nullable=False),
    Column("from_us", BigInteger),
    Column("until_us", BigInteger),
    Column("made_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    CheckConstraint("start_min >= 0 and start_min < 1440 and end_min > 0 and end_min <= 1440", name="hours"),
    Index(None, "plate"),
    Index(None, "person"),
)

hours_proposals = Table(
    "hours_proposals",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("plate", String(12), nullable=False),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("start_min", Integer, nullable=False),
    Column("end_min", Integer, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("decided_us", BigInteger),
    Column("decided_by", String(40), ForeignKey("persons.id")),
    CheckConstraint("state in ('waiting', 'confirmed', 'refused', 'withdrawn')", name="state"),
    CheckConstraint("start_min >= 0 and start_min < 1440 and end_min > 0 and end_min <= 1440", name="hours"),
    Index(None, "plate"),
    Index(None, "person"),
)
"""Hours that a person would like to hold on a plate; the plate's owner confirms or refuses them."""

track_consents = Table(
    "track_consents",
    metadata,
    Column("plate", String(12), primary_key=True),
    Column("person", String(40), ForeignKey("persons.id"), primary_key=True),
    Column("fleet", String(40), ForeignKey("fleets.name"), primary_key=True),
    Column("agreed_us", BigInteger, primary_key=True, autoincrement=False),
    Column("withdrawn_us", BigInteger),
    Index(None, "person"),
)
"""That a fleet may see the positions of the person's own hours on its vehicle, from then until it is withdrawn."""

payer_gaps = Table(
    "payer_gaps",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("plate", String(12), nullable=False),
    Column("start_min", Integer, nullable=False),
    Column("end_min", Integer, nullable=False),
    Column("action", String(8), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    CheckConstraint("action in ('refuse', 'owner', 'card')", name="action"),
    Index(None, "plate"),
)

payer_blocks = Table(
    "payer_blocks",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("plate", String(12), nullable=False),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("lifted_us", BigInteger),
    Column("station", String(40)),
    Column("lane", String(40)),
    Column("visit", String(80)),
    Index(None, "plate"),
    Index(None, "person"),
)
"""A payer who said "not me": the plate is refused in their hours until they or the owner lift it.

station, lane, visit: where the vehicle stood that it was said of, for the staff; null where it stood nowhere."""

mandates = Table(
    "mandates",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("key", String(43), ForeignKey("phone_keys.id"), nullable=False),
    Column("per_fill_fen", BigInteger, nullable=False),
    Column("per_day_fen", BigInteger, nullable=False),
    Column("tries_per_day", Integer, nullable=False),
    Column("stations", Text),
    Column("hours", String(11)),
    Column("offline_fen", BigInteger, nullable=False),
    Column("signed_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("signature", String(120), nullable=False),
    Column("paused_us", BigInteger),
    Column("ended_us", BigInteger),
    CheckConstraint("per_fill_fen > 0 and per_day_fen > 0 and tries_per_day > 0 and offline_fen >= 0", name="limits"),
    UniqueConstraint("signature"),
    Index(None, "person"),
)
"""text: what the phone's key signed, word for word. stations: a JSON list, null for all; hours: null for all."""

mandate_plates = Table(
    "mandate_plates",
    metadata,
    Column("mandate", String(40), ForeignKey("mandates.id"), primary_key=True),
    Column("plate", String(12), primary_key=True),
    Column("ended_us", BigInteger),
    Index(None, "plate"),
)

charges = Table(
    "charges",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("fuelling", BigInteger, ForeignKey("fuellings.id"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("visit", String(80)),
    Column("plate", String(12)),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("person", String(40), ForeignKey("persons.id"), nullable=False),
    Column("asked", String(40), ForeignKey("persons.id"), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("period", String(11)),
    Column("captured_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("mandate", String(40), ForeignKey("mandates.id")),
    Column("hold", BigInteger, ForeignKey("transfers.id")),
    Column("state", String(10), nullable=False),
    Column("due_us", BigInteger),
    Column("overdue_us", BigInteger),
    Column("paid_us", BigInteger),
    Column("paid_by", String(40)),
    Column("refunded_fen", BigInteger, nullable=False),
    Column("disputed_us", BigInteger),
    UniqueConstraint("fuelling", "part"),
    CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    CheckConstraint("refunded_fen >= 0 and refunded_fen <= amount_fen", name="refunded_at_most_once"),
    CheckConstraint(
        "state in ('created', 'sent', 'seen', 'accepted', 'paid', 'declined', 'expired', 'refunded', 'disputed',"
        " 'unknown')",
        name="state",
    ),
    Index(None, "person", "created_us"),
    Index(None, "asked", "created_us"),
    Index(None, "plate", "created_us"),
    Index(
        "ix_charges_due",
        "due_us",
        sqlite_where=text("due_us is not null"),
        postgresql_where=text("due_us is not null"),
    ),
    Index(
        "ix_charges_disputed",
        "station",
        "visit",
        sqlite_where=text("state = 'disputed'"),
        postgresql_where=text("state = 'disputed'"),
    ),
)
"""person: who was addressed first and whose charge it is; asked: who is asked now. hold: the one it was captured from.

overdue_us: when it becomes overdue unless it is paid. What a charge is about never changes, only what became of it.
"""

charge_events = Table(
    "charge_events",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("charge", String(40), ForeignKey("charges.id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("event", String(20), nullable=False),
    Column("old", String(10)),
    Column("new", String(10), nullable=False),
    Column("asked", String(40)),
    Column("actor", String(80), nullable=False),
    Column("detail", Text, nullable=False),
    Column("key", String(43)),
    Column("signature", String(120), unique=True),
    Index(None, "charge", "id"),
)
"""Every step of a charge, append-only. key, signature: of the phone's message that caused it; detail: its text."""
