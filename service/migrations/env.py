"""Runs the migrations on the connection that service.store.database hands over."""

from alembic import context

import service.counter.tables
import service.identity.tables
import service.mileage.tables
import service.payers.tables
import service.payments.tables
import service.station.tables
import service.store.live_tables
import service.store.offline_tables
import service.store.seal_tables  # noqa: F401 - the same
from service.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=False)
with context.begin_transaction():
    context.run_migrations()
