"""Runs the migrations on the connection that service.database hands over."""

from alembic import context

from service.identity import tables
from service.schema import metadata

assert tables.devices.metadata is metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=False)
with context.begin_transaction():
    context.run_migrations()
