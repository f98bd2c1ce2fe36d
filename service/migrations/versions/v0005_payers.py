"""Who pays when: persons with phones, their hours on plates, mandates and charges; wallets that are never overdrawn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WHAT_IT_IS_ABOUT = (
    "id, fuelling, part, visit, plate, station, person, amount_fen, period, captured_us, created_us, mandate, hold"
)
SIGNED = (
    "id, person, key, per_fill_fen, per_day_fen, tries_per_day, stations, hours, offline_fen, signed_us, received_us, "
    "text, signature"
)
PAYER = "rule, person, mandate, period, held_from, held_fen, then_hold, then_fen"
UNCHANGING = {
    "persons": "id, wallet, owed, created_us",
    "phone_keys": "id, person, algorithm, public_key, added_us",
    "mandates": SIGNED,
    "charges": WHAT_IT_IS_ABOUT,
    "charge_events": "id, charge, at_us, event, old, new, asked, actor, detail, key, signature",
}
"""Columns by table that are never changed; no row of these tables is ever deleted."""
OVERDRAWN = "new.kind = 'wallet' and new.debits_posted_fen + new.debits_pending_fen > new.credits_posted_fen"
OVERPAID = "new.kind = 'owed' and new.credits_posted_fen > new.debits_posted_fen"


def upgrade() -> None:
    for make in (
        _persons,
        _phone_keys,
        _pairing_codes,
        _plate_payers,
        _payer_bindings,
        _payer_gaps,
        _mandates,
        _mandate_plates,
        _charges,
        _charge_events,
    ):
        make()
    _add_columns()
    for statement in _rules(op.get_bind().dialect.name == "sqlite"):
        op.execute(statement)


def _add_columns() -> None:
    op.add_column("authorisations", sa.Column("rule", sa.String(length=16), nullable=True))
    op.add_column("authorisations", sa.Column("person", sa.String(length=40), nullable=True))
    op.add_column("authorisations", sa.Column("mandate", sa.String(length=40), nullable=True))
    op.add_column("authorisations", sa.Column("period", sa.String(length=11), nullable=True))
    op.add_column("authorisations", sa.Column("held_from", sa.String(length=8), nullable=True))
    op.add_column("authorisations", sa.Column("held_fen", sa.BigInteger(), nullable=True))
    op.add_column("authorisations", sa.Column("then_hold", sa.BigInteger(), nullable=True))
    op.add_column("authorisations", sa.Column("then_fen", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_authorisations_by_person",
        "authorisations",
        ["person", "captured_us"],
        unique=False,
        sqlite_where=sa.text("person is not null"),
        postgresql_where=sa.text("person is not null"),
    )
    op.add_column("fuellings", sa.Column("person", sa.String(length=40), nullable=True))


def _persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("wallet", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owed"], ["accounts.id"], name=op.f("fk_persons_owed")),
        sa.ForeignKeyConstraint(["wallet"], ["accounts.id"], name=op.f("fk_persons_wallet")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
        sa.UniqueConstraint("name", name=op.f("uq_persons_name")),
    )


def _phone_keys() -> None:
    op.create_table(
        "phone_keys",
        sa.Column("id", sa.String(length=43), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("algorithm", sa.String(length=8), nullable=False),
        sa.Column("public_key", sa.String(length=200), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("algorithm in ('ed25519', 'p256')", name=op.f("ck_phone_keys_algorithm")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_phone_keys_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_keys")),
    )
    op.create_index(op.f("ix_phone_keys_person"), "phone_keys", ["person"], unique=False)


def _pairing_codes() -> None:
    op.create_table(
        "pairing_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_pairing_codes_person")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pairing_codes")),
    )
    op.create_index(op.f("ix_pairing_codes_person"), "pairing_codes", ["person"], unique=False)


def _plate_payers() -> None:
    op.create_table(
        "plate_payers",
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=True),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "rule in ('card', 'phone', 'card-then-phone', 'phone-then-card')", name=op.f("ck_plate_payers_rule")
        ),
        sa.ForeignKeyConstraint(["owner"], ["persons.id"], name=op.f("fk_plate_payers_owner")),
        sa.PrimaryKeyConstraint("plate", name=op.f("pk_plate_payers")),
    )


def _payer_bindings() -> None:
    op.create_table(
        "payer_bindings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("start_min", sa.Integer(), nullable=False),
        sa.Column("end_min", sa.Integer(), nullable=False),
        sa.Column("order_no", sa.Integer(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=True),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "start_min >= 0 and start_min < 1440 and end_min > 0 and end_min <= 1440",
            name=op.f("ck_payer_bindings_hours"),
        ),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_payer_bindings_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_bindings")),
    )
    op.create_index(op.f("ix_payer_bindings_person"), "payer_bindings", ["person"], unique=False)
    op.create_index(op.f("ix_payer_bindings_plate"), "payer_bindings", ["plate"], unique=False)


def _payer_gaps() -> None:
    op.create_table(
        "payer_gaps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("start_min", sa.Integer(), nullable=False),
        sa.Column("end_min", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("action in ('refuse', 'owner', 'card')", name=op.f("ck_payer_gaps_action")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_gaps")),
    )
    op.create_index(op.f("ix_payer_gaps_plate"), "payer_gaps", ["plate"], unique=False)


def _mandates() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=43), nullable=False),
        sa.Column("per_fill_fen", sa.BigInteger(), nullable=False),
        sa.Column("per_day_fen", sa.BigInteger(), nullable=False),
        sa.Column("tries_per_day", sa.Integer(), nullable=False),
        sa.Column("stations", sa.Text(), nullable=True),
        sa.Column("hours", sa.String(length=11), nullable=True),
        sa.Column("offline_fen", sa.BigInteger(), nullable=False),
        sa.Column("signed_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=120), nullable=False),
        sa.Column("paused_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "per_fill_fen > 0 and per_day_fen > 0 and tries_per_day > 0 and offline_fen >= 0",
            name=op.f("ck_mandates_limits"),
        ),
        sa.ForeignKeyConstraint(["key"], ["phone_keys.id"], name=op.f("fk_mandates_key")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_mandates_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandates")),
        sa.UniqueConstraint("signature", name=op.f("uq_mandates_signature")),
    )
    op.create_index(op.f("ix_mandates_person"), "mandates", ["person"], unique=False)


def _mandate_plates() -> None:
    op.create_table(
        "mandate_plates",
        sa.Column("mandate", sa.String(length=40), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["mandate"], ["mandates.id"], name=op.f("fk_mandate_plates_mandate")),
        sa.PrimaryKeyConstraint("mandate", "plate", name=op.f("pk_mandate_plates")),
    )
    op.create_index(op.f("ix_mandate_plates_plate"), "mandate_plates", ["plate"], unique=False)


def _charges() -> None:
    op.create_table(
        "charges",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("fuelling", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("visit", sa.String(length=80), nullable=True),
        sa.Column("plate", sa.String(length=12), nullable=True),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("asked", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(length=11), nullable=True),
        sa.Column("captured_us", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("mandate", sa.String(length=40), nullable=True),
        sa.Column("hold", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("overdue_us", sa.BigInteger(), nullable=True),
        sa.Column("paid_us", sa.BigInteger(), nullable=True),
        sa.Column("paid_by", sa.String(length=40), nullable=True),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("disputed_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state in ('created', 'sent', 'seen', 'accepted', 'paid', 'declined', 'expired', 'refunded', 'disputed',"
            " 'unknown')",
            name=op.f("ck_charges_state"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_charges_amount_above_zero")),
        sa.CheckConstraint(
            "refunded_fen >= 0 and refunded_fen <= amount_fen", name=op.f("ck_charges_refunded_at_most_once")
        ),
        sa.ForeignKeyConstraint(["asked"], ["persons.id"], name=op.f("fk_charges_asked")),
        sa.ForeignKeyConstraint(["fuelling"], ["fuellings.id"], name=op.f("fk_charges_fuelling")),
        sa.ForeignKeyConstraint(["hold"], ["transfers.id"], name=op.f("fk_charges_hold")),
        sa.ForeignKeyConstraint(["mandate"], ["mandates.id"], name=op.f("fk_charges_mandate")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_charges_person")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_charges_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charges")),
        sa.UniqueConstraint("fuelling", "part", name=op.f("uq_charges_fuelling_part")),
    )
    op.create_index(op.f("ix_charges_asked_created_us"), "charges", ["asked", "created_us"], unique=False)
    op.create_index(
        "ix_charges_due",
        "charges",
        ["due_us"],
        unique=False,
        sqlite_where=sa.text("due_us is not null"),
        postgresql_where=sa.text("due_us is not null"),
    )
    op.create_index(op.f("ix_charges_person_created_us"), "charges", ["person", "created_us"], unique=False)
    op.create_index(op.f("ix_charges_plate_created_us"), "charges", ["plate", "created_us"], unique=False)


def _charge_events() -> None:
    op.create_table(
        "charge_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("charge", sa.String(length=40), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("old", sa.String(length=10), nullable=True),
        sa.Column("new", sa.String(length=10), nullable=False),
        sa.Column("asked", sa.String(length=40), nullable=True),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("key", sa.String(length=43), nullable=True),
        sa.Column("signature", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["charge"], ["charges.id"], name=op.f("fk_charge_events_charge")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_events")),
        sa.UniqueConstraint("signature", name=op.f("uq_charge_events_signature")),
    )
    op.create_index(op.f("ix_charge_events_charge_id"), "charge_events", ["charge", "id"], unique=False)


def _rules(sqlite: bool) -> list[str]:
    """Nothing is deleted, what is written stays, and no wallet is overdrawn whatever program writes."""
    refused = [(table, "delete", "delete") for table in UNCHANGING]
    refused += [(table, f"update of {columns}", "change") for table, columns in UNCHANGING.items()]
    refused.append(("authorisations", f"update of {PAYER}", "change_payer"))
    if sqlite:
        return [_sqlite_guard("overdrawn", OVERDRAWN), _sqlite_guard("overpaid", OVERPAID)] + [
            f"create trigger {table}_never_{name} before {event} on {table} "
            f"begin select raise(abort, '{table}: what is written is never changed'); end"
            for table, event, name in refused
        ]
    return [
        f"alter table accounts add constraint ck_accounts_wallet_never_overdrawn check (not ({_plain(OVERDRAWN)}))",
        f"alter table accounts add constraint ck_accounts_owed_never_overpaid check (not ({_plain(OVERPAID)}))",
        *[
            f"create trigger {table}_never_{name} before {event} on {table} for each row "
            "execute function refuse_change()"
            for table, event, name in refused
        ],
        *[
            f"create trigger {table}_never_truncate before truncate on {table} for each statement "
            "execute function refuse_change()"
            for table in UNCHANGING
        ],
    ]


def _sqlite_guard(name: str, condition: str) -> str:
    """SQLite adds no check to a table that is there."""
    return (
        f"create trigger accounts_never_{name} before update on accounts when {condition} "
        f"begin select raise(abort, 'CHECK constraint failed: ck_accounts_{name}'); end"
    )


def _plain(condition: str) -> str:
    return condition.replace("new.", "")


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
