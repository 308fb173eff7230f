"""Alembic's entry: migrate on the connection that `fleet.store.migrate` hands over."""

from alembic import context

from fleet.store import tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=tables.metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
