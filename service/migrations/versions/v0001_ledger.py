"""Ledger, cards, authorisations and fuellings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.migrations import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("debits_posted_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_posted_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debits_pending_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "kind <> 'card' or debits_posted_fen + debits_pending_fen <= credits_posted_fen",
            name=op.f("ck_accounts_card_never_overdrawn"),
        ),
        sa.CheckConstraint(
            "kind <> 'receivable' or credits_posted_fen <= debits_posted_fen",
            name=op.f("ck_accounts_receivable_never_overpaid"),
        ),
        sa.CheckConstraint("debits_pending_fen >= 0", name=op.f("ck_accounts_holds_never_below_zero")),
        sa.CheckConstraint(
            "debits_posted_fen >= 0 and credits_posted_fen >= 0", name=op.f("ck_accounts_never_below_zero")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("kind", "owner", name=op.f("uq_accounts_kind_owner")),
    )
    op.create_table(
        "operator_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_events")),
    )
    op.create_index(op.f("ix_operator_events_subject_id"), "operator_events", ["subject", "id"], unique=False)
    op.create_table(
        "rejected_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=True),
        sa.Column("dispenser", sa.String(length=40), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_messages")),
        sa.UniqueConstraint("digest", name=op.f("uq_rejected_messages_digest")),
    )
    op.create_index(op.f("ix_rejected_messages_station_at_us"), "rejected_messages", ["station", "at_us"], unique=False)
    op.create_table(
        "cards",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("preset_fen", sa.BigInteger(), nullable=True),
        sa.Column("whole_balance", sa.Boolean(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("receivable", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state in ('active', 'blocked')", name=op.f("ck_cards_state")),
        sa.CheckConstraint("preset_fen > 0", name=op.f("ck_cards_preset_above_zero")),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name=op.f("fk_cards_account")),
        sa.ForeignKeyConstraint(["receivable"], ["accounts.id"], name=op.f("fk_cards_receivable")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
    )
    op.create_table(
        "stations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("preset_fen", sa.BigInteger(), nullable=False),
        sa.Column("revenue_account", sa.BigInteger(), nullable=False),
        sa.Column("suspense_account", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("preset_fen > 0", name=op.f("ck_stations_preset_above_zero")),
        sa.ForeignKeyConstraint(["revenue_account"], ["accounts.id"], name=op.f("fk_stations_revenue_account")),
        sa.ForeignKeyConstraint(["suspense_account"], ["accounts.id"], name=op.f("fk_stations_suspense_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
    )
    op.create_table(
        "dispensers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("totaliser_ml", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_dispensers_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispensers")),
    )
    op.create_table(
        "fuellings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("dispenser", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("visit", sa.String(length=80), nullable=True),
        sa.Column("authorisation", sa.String(length=80), nullable=True),
        sa.Column("plate", sa.String(length=12), nullable=True),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=False),
        sa.Column("volume_ml", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("unit_price_fen_per_l", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(length=20), nullable=False),
        sa.Column("totaliser_before_ml", sa.BigInteger(), nullable=False),
        sa.Column("totaliser_after_ml", sa.BigInteger(), nullable=False),
        sa.Column("unit_flags", sa.Text(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.String(length=40), nullable=True),
        sa.Column("captured_fen", sa.BigInteger(), nullable=False),
        sa.Column("overrun_fen", sa.BigInteger(), nullable=False),
        sa.Column("released_fen", sa.BigInteger(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["card"], ["cards.id"], name=op.f("fk_fuellings_card")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_fuellings_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fuellings")),
        sa.UniqueConstraint("dispenser", "sequence", name=op.f("uq_fuellings_dispenser_sequence")),
    )
    op.create_index(op.f("ix_fuellings_card_ended_us"), "fuellings", ["card", "ended_us"], unique=False)
    op.create_index(op.f("ix_fuellings_station_ended_us"), "fuellings", ["station", "ended_us"], unique=False)
    op.create_table(
        "plates",
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("payer_kind", sa.String(length=8), nullable=False),
        sa.Column("card", sa.String(length=40), nullable=True),
        sa.Column("bound_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("payer_kind <> 'card' or card is not null", name=op.f("ck_plates_card_payer_has_card")),
        sa.CheckConstraint("state in ('active', 'blocked')", name=op.f("ck_plates_state")),
        sa.ForeignKeyConstraint(["card"], ["cards.id"], name=op.f("fk_plates_card")),
        sa.PrimaryKeyConstraint("plate", name=op.f("pk_plates")),
    )
    op.create_index(op.f("ix_plates_card"), "plates", ["card"], unique=False)
    op.create_table(
        "prices",
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("product", sa.String(length=20), nullable=False),
        sa.Column("since_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("unit_price_fen_per_l", sa.Integer(), nullable=False),
        sa.CheckConstraint("unit_price_fen_per_l >= 0", name=op.f("ck_prices_price_not_below_zero")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_prices_station")),
        sa.PrimaryKeyConstraint("station", "product", "since_us", name=op.f("pk_prices")),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("debit_account", sa.BigInteger(), nullable=False),
        sa.Column("credit_account", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("resolves", sa.BigInteger(), nullable=True),
        sa.Column("resolves_fen", sa.BigInteger(), nullable=True),
        sa.Column("fuelling_id", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.String(length=120), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(length=80), nullable=True),
        sa.CheckConstraint(
            "(resolves is null) = (phase in ('single', 'pending'))", name=op.f("ck_transfers_resolution_names_its_hold")
        ),
        sa.CheckConstraint("phase in ('single', 'pending', 'post', 'void', 'expire')", name=op.f("ck_transfers_phase")),
        sa.CheckConstraint(
            "(resolves is null) = (resolves_fen is null)", name=op.f("ck_transfers_resolution_names_its_amount")
        ),
        sa.CheckConstraint("amount_fen <= resolves_fen", name=op.f("ck_transfers_at_most_the_hold")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_transfers_amount_above_zero")),
        sa.CheckConstraint("debit_account <> credit_account", name=op.f("ck_transfers_two_accounts")),
        sa.ForeignKeyConstraint(["credit_account"], ["accounts.id"], name=op.f("fk_transfers_credit_account")),
        sa.ForeignKeyConstraint(["debit_account"], ["accounts.id"], name=op.f("fk_transfers_debit_account")),
        sa.ForeignKeyConstraint(["fuelling_id"], ["fuellings.id"], name=op.f("fk_transfers_fuelling_id")),
        sa.ForeignKeyConstraint(["resolves"], ["transfers.id"], name=op.f("fk_transfers_resolves")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("key", name=op.f("uq_transfers_key")),
        sa.UniqueConstraint("resolves", name=op.f("uq_transfers_resolves")),
    )
    op.create_index(op.f("ix_transfers_credit_account_id"), "transfers", ["credit_account", "id"], unique=False)
    op.create_index(op.f("ix_transfers_debit_account_id"), "transfers", ["debit_account", "id"], unique=False)
    op.create_index(op.f("ix_transfers_fuelling_id"), "transfers", ["fuelling_id"], unique=False)
    op.create_table(
        "authorisations",
        sa.Column("visit", sa.String(length=80), nullable=False),
        sa.Column("station", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.String(length=40), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("typed", sa.Boolean(), nullable=False),
        sa.Column("captured_us", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(precision=53), nullable=False),
        sa.Column("weakest", sa.Float(precision=53), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=True),
        sa.Column("card", sa.String(length=40), nullable=True),
        sa.Column("hold", sa.BigInteger(), nullable=True),
        sa.Column("limit_fen", sa.BigInteger(), nullable=True),
        sa.Column("first_expires_us", sa.BigInteger(), nullable=True),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.CheckConstraint(
            "(decision = 'allow') = (hold is not null)", name=op.f("ck_authorisations_allowed_has_hold")
        ),
        sa.CheckConstraint("decision in ('allow', 'refuse')", name=op.f("ck_authorisations_decision")),
        sa.CheckConstraint(
            "state in ('refused', 'open', 'captured', 'released', 'expired')", name=op.f("ck_authorisations_state")
        ),
        sa.ForeignKeyConstraint(["card"], ["cards.id"], name=op.f("fk_authorisations_card")),
        sa.ForeignKeyConstraint(["hold"], ["transfers.id"], name=op.f("fk_authorisations_hold")),
        sa.ForeignKeyConstraint(["station"], ["stations.id"], name=op.f("fk_authorisations_station")),
        sa.PrimaryKeyConstraint("visit", name=op.f("pk_authorisations")),
        sa.UniqueConstraint("hold", name=op.f("uq_authorisations_hold")),
        sa.UniqueConstraint("id", name=op.f("uq_authorisations_id")),
    )
    op.create_index(
        "ix_authorisations_open_by_card",
        "authorisations",
        ["card"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_authorisations_open_by_expiry",
        "authorisations",
        ["expires_us"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    for rule in guards.sqlite() if op.get_bind().dialect.name == "sqlite" else guards.postgresql():
        op.execute(rule)
    op.execute("insert into accounts (id, kind, owner) values (1, 'clearing', ''), (2, 'adjustment', '')")


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
