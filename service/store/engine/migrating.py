"""Runs the migrations. Alone in importing alembic, which few commands need: who migrates imports this when it does."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from service.store.engine.schema_version import MIGRATIONS


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables of this connection's database to a schema; in its transaction, where it is in one."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
