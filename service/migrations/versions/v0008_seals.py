"""A chain of seals over transfers and operator events; what waits for its seal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SEALED = ("transfers", "operator_events")
_WORDS = "what is written is never changed"
_ERASED = "new.salt is null and old.digest = new.digest and old.kind = new.kind and old.row_id = new.row_id"
"""A person's texts are erased together with their salt; the digest, of which nobody can tell anything, stays."""


def upgrade() -> None:
    """All rows of before wait for their seal, and are sealed as they are found."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "seals",
        sa.Column("number", row_id, autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("sealed_rows", sa.Text(), nullable=False),
        sa.Column("facts", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
    )
    op.create_table(
        "sealed_texts",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("row_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("kind", "row_id", name=op.f("pk_sealed_texts")),
    )
    op.create_table(
        "unsealed",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("row_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "row_id", name=op.f("pk_unsealed")),
    )
    for table in SEALED:
        op.execute(f"insert into unsealed (kind, row_id) select '{table}', id from {table}")
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(statement)


def _sqlite() -> list[str]:
    def refuse(table: str, name: str, event: str, when: str) -> str:
        return (
            f"create trigger {table}_never_{name} before {event} on {table}{when} "
            f"begin select raise(abort, '{table}: {_WORDS}'); end"
        )

    taken = " when exists (select 1 from {0} where {1}) or exists (select 1 from {0} where rowid = new.rowid)"
    waits = (
        "create trigger {0}_wait_for_seal after insert on {0} begin insert into unsealed values ('{0}', new.id); end"
    )
    return [
        *[waits.format(table) for table in SEALED],
        refuse("seals", "update", "update", ""),
        refuse("seals", "delete", "delete", ""),
        refuse("seals", "replace", "insert", taken.format("seals", "number = new.number")),
        refuse("sealed_texts", "update", "update", f" when not ({_ERASED} and old.rowid is new.rowid)"),
        refuse("sealed_texts", "delete", "delete", ""),
        refuse(
            "sealed_texts",
            "replace",
            "insert",
            taken.format("sealed_texts", "kind = new.kind and row_id = new.row_id"),
        ),
    ]


def _postgresql() -> list[str]:
    refuse = "create trigger {0}_never_{1} before {1} on {0} for each {2}{3} execute function refuse_change()"
    return [
        "create function wait_for_seal() returns trigger language plpgsql as $$ begin insert into unsealed values "
        "(tg_table_name, new.id); return null; end $$",
        *[
            f"create trigger {table}_wait_for_seal after insert on {table} "
            "for each row execute function wait_for_seal()"
            for table in SEALED
        ],
        refuse.format("seals", "update", "row", ""),
        refuse.format("sealed_texts", "update", "row", f" when (not ({_ERASED}))"),
        *[refuse.format(table, "delete", "row", "") for table in ("seals", "sealed_texts")],
        *[refuse.format(table, "truncate", "statement", "") for table in ("seals", "sealed_texts")],
    ]


def downgrade() -> None:
    raise RuntimeError("the ledger only moves forward: restore a backup instead")
