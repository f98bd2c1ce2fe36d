"""The tables of the balance service, the same on SQLite and PostgreSQL.

Money is integer fen, volume integer ml, times integer microseconds since 1970 UTC. Transfers are only ever added; a
trigger (service/migrations) moves the balances of both accounts with each, and the checks on accounts refuse what
would spend money twice.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ROW_ID = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; the variant lets SQLite keep the row under the number itself instead of a second index."""

accounts = Table(
    "accounts",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("owner", String(40), nullable=False),
    Column("debits_posted_fen", BigInteger, nullable=False, server_default="0"),
    Column("credits_posted_fen", BigInteger, nullable=False, server_default="0"),
    Column("debits_pending_fen", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("kind", "owner"),
    CheckConstraint("debits_posted_fen >= 0 and credits_posted_fen >= 0", name="never_below_zero"),
    CheckConstraint("debits_pending_fen >= 0", name="holds_never_below_zero"),
    CheckConstraint(
        "kind <> 'card' or debits_posted_fen + debits_pending_fen <= credits_posted_fen", name="card_never_overdrawn"
    ),
    CheckConstraint(
        "kind <> 'receivable' or credits_posted_fen <= debits_posted_fen", name="receivable_never_overpaid"
    ),
)
"""One row per account with its running sums. Holds are pending debits and count against a card's account at once."""

transfers = Table(
    "transfers",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("phase", String(8), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("debit_account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("credit_account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("resolves", BigInteger, ForeignKey("transfers.id"), unique=True),
    Column("resolves_fen", BigInteger),
    Column("fuelling_id", BigInteger, ForeignKey("fuellings.id")),
    Column("key", String(120), unique=True),
    Column("note", Text),
    Column("actor", String(80)),
    Column("moved", Integer, nullable=False, server_default="0"),
    CheckConstraint("phase in ('single', 'pending', 'post', 'void', 'expire')", name="phase"),
    CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    CheckConstraint("debit_account <> credit_account", name="two_accounts"),
    CheckConstraint("(resolves is null) = (phase in ('single', 'pending'))", name="resolution_names_its_hold"),
    CheckConstraint("(resolves is null) = (resolves_fen is null)", name="resolution_names_its_amount"),
    CheckConstraint("amount_fen <= resolves_fen", name="at_most_the_hold"),
    Index(None, "debit_account", "id"),
    Index(None, "credit_account", "id"),
    Index(None, "fuelling_id"),
    Index("ix_transfers_unmoved", "moved", sqlite_where=text("moved = 0"), postgresql_where=text("moved = 0")),
)
"""The ledger: every row moves amount_fen from debit to credit. Holds are pending; each is resolved by one row.

moved: 1 once the trigger has moved both accounts, which it does within the row's own insert.
"""

stations = Table(
    "stations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("zone", String(40), nullable=False),
    Column("preset_fen", BigInteger, nullable=False),
    Column("revenue_account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("suspense_account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("offline_fen", BigInteger, nullable=False, server_default="0"),
    Column("unauthorised_cap_fen", BigInteger),
    Column("lat_e7", Integer),
    Column("lon_e7", Integer),
    Column("datum", String(5)),
    Column("typed_rule", String(12)),
    Column("second_person_fen", BigInteger, server_default="100000"),
    CheckConstraint("preset_fen > 0", name="preset_above_zero"),
)
"""unauthorised_cap_fen: what fuellings without an authorisation take from a card in a day; null: the preset amount.

second_person_fen: above it in a day, refunds and corrections of one person, or of one card, wait at the counter for a
second person; null: none does.

lat_e7, lon_e7: where it stands, in 1e-7 degree of the datum, "wgs84" or "gcj02"; null where nobody has said.
"""

prices = Table(
    "prices",
    metadata,
    Column("station", String(40), ForeignKey("stations.id"), primary_key=True),
    Column("product", String(20), primary_key=True),
    Column("since_us", BigInteger, primary_key=True, autoincrement=False),
    Column("unit_price_fen_per_l", Integer, nullable=False),
    CheckConstraint("unit_price_fen_per_l >= 0", name="price_not_below_zero"),
)
"""Append-only: the newest row whose time has come is the price."""

cards = Table(
    "cards",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("state", String(8), nullable=False),
    Column("preset_fen", BigInteger),
    Column("whole_balance", Boolean, nullable=False),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("receivable", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("offline_fen", BigInteger),
    Column("typed_rule", String(12)),
    Column("pin_hash", String(200)),
    CheckConstraint("state in ('active', 'blocked')", name="state"),
    CheckConstraint("preset_fen > 0", name="preset_above_zero"),
)

plates = Table(
    "plates",
    metadata,
    Column("plate", String(12), primary_key=True),
    Column("state", String(8), nullable=False),
    Column("payer_kind", String(8), nullable=False),
    Column("card", String(40), ForeignKey("cards.id")),
    Column("bound_us", BigInteger, nullable=False),
    Column("typed_rule", String(12)),
    CheckConstraint("state in ('active', 'blocked')", name="state"),
    CheckConstraint("payer_kind <> 'card' or card is not null", name="card_payer_has_card"),
    Index(None, "card"),
)
"""Which payer a plate is bound to; payer_kind leaves room for payers other than a card."""

authorisations = Table(
    "authorisations",
    metadata,
    Column("visit", String(80), nullable=False),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("lane", String(40), nullable=False),
    Column("plate", String(12), nullable=False),
    Column("typed", Boolean, nullable=False),
    Column("captured_us", BigInteger, nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("weakest", Float(53), nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("decision", String(8), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("id", String(80), unique=True),
    Column("card", String(40), ForeignKey("cards.id")),
    Column("hold", BigInteger, ForeignKey("transfers.id"), unique=True),
    Column("limit_fen", BigInteger),
    Column("first_expires_us", BigInteger),
    Column("expires_us", BigInteger),
    Column("state", String(8), nullable=False),
    Column("rule", String(16)),
    Column("person", String(40)),
    Column("mandate", String(40)),
    Column("period", String(11)),
    Column("held_from", String(8)),
    Column("held_fen", BigInteger),
    Column("then_hold", BigInteger),
    Column("then_fen", BigInteger),
    Column("seen", String(12)),
    Column("seen_certain", Boolean),
    Column("confirmed_by", String(80)),
    Column("judged_us", BigInteger),
    Column("provider", String(16)),
    PrimaryKeyConstraint("station", "visit"),
    CheckConstraint("decision in ('allow', 'refuse')", name="decision"),
    CheckConstraint("state in ('refused', 'open', 'captured', 'released', 'expired')", name="state"),
    CheckConstraint("(decision = 'allow') = (hold is not null)", name="allowed_has_hold"),
    Index(
        "ix_authorisations_open_by_card",
        "card",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "ix_authorisations_open_by_expiry",
        "expires_us",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "ix_authorisations_by_person",
        "person",
        "captured_us",
        sqlite_where=text("person is not null"),
        postgresql_where=text("person is not null"),
    ),
)
"""One row per visit of a station: question and answer never change; only state and expires_us do.

rule to then_fen are null where a card alone pays. judged_us: by which time the payer was found where the unit's clock
was too unsure for captured_us. person, mandate, period: who was asked by phone, frozen here. hold is
held_fen from held_from ("card" or "phone"), then_hold is then_fen from the other one. provider: who is asked for the
phone's share, which is then held as a debt; null where the wallet holds it.
"""


def _some(name: str, *columns: str) -> Index:
    """An index of the few fuellings of which some amount of that name is above zero."""
    some = text(f"{name}_fen > 0")
    return Index(f"ix_fuellings_{name}", *columns, sqlite_where=some, postgresql_where=some)


fuellings = Table(
    "fuellings",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("dispenser", String(40), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("lane", String(40), nullable=False),
    Column("visit", String(80)),
    Column("authorisation", String(80)),
    Column("plate", String(12)),
    Column("started_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, nullable=False),
    Column("volume_ml", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("unit_price_fen_per_l", Integer, nullable=False),
    Column("product", String(20), nullable=False),
    Column("totaliser_before_ml", BigInteger, nullable=False),
    Column("totaliser_after_ml", BigInteger, nullable=False),
    Column("unit_flags", Text, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("card", String(40), ForeignKey("cards.id")),
    Column("captured_fen", BigInteger, nullable=False),
    Column("overrun_fen", BigInteger, nullable=False),
    Column("released_fen", BigInteger, nullable=False),
    Column("balance_fen", BigInteger),
    Column("flags", Text, nullable=False),
    Column("person", String(40)),
    Column("suspended_fen", BigInteger, nullable=False, server_default="0"),
    Column("unauthorised_fen", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("station", "dispenser", "sequence"),
    Index(None, "station", "ended_us"),
    Index(None, "card", "ended_us"),
    Index(None, "plate", "ended_us"),
    _some("suspended", "station", "id"),
    _some("unauthorised", "card", "received_us"),
)
"""Every fuelling as reported, with its receipt. unit_flags and flags are JSON lists of words.

suspended_fen: nobody was charged for it yet. unauthorised_fen: what the card was charged without an authorisation.
person: who pays by phone.
"""

dispensers = Table(
    "dispensers",
    metadata,
    Column("id", String(40), nullable=False),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("totaliser_ml", BigInteger, nullable=False),
    Column("last_volume_ml", BigInteger),
    Column("last_own_ml", BigInteger),
    PrimaryKeyConstraint("station", "id"),
)
"""The highest sequence seen of each dispenser of a station, its totaliser after it, the volume that was reported and
what it should have been by an independent figure; both NULL before the first fuelling since they are kept.

Sequence 0: bound to a lane before its first fuelling.
"""

dispenser_lanes = Table(
    "dispenser_lanes",
    metadata,
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("dispenser", String(40), nullable=False),
    Column("lane", String(40), nullable=False),
    Column("after_sequence", BigInteger, nullable=False),
    Column("bound_us", BigInteger, nullable=False),
    Column("fuelling", BigInteger, ForeignKey("fuellings.id")),
    PrimaryKeyConstraint("station", "dispenser", "lane"),
)
"""Which lanes may report under a dispenser; one without a row is taken by the first lane that reports.

after_sequence: the dispenser's highest sequence when its lanes were last changed; all beyond it are of these lanes.
fuelling: the report that bound it; null: an operator did.
"""

rejected_messages = Table(
    "rejected_messages",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("code", String(24), nullable=False),
    Column("detail", Text, nullable=False),
    Column("station", String(40)),
    Column("dispenser", String(40)),
    Column("sequence", BigInteger),
    Column("digest", String(64), nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Index(None, "station", "at_us"),
)
"""Fuelling reports that were refused for good, word for word; a repeat of the same body adds nothing."""

operator_events = Table(
    "operator_events",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "subject", "id"),
)
"""Who changed which card, plate, station or price, and when."""
