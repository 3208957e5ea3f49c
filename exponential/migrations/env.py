"""Alembic's entry point. `database.prepare` says which part (app or gateway) and where."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from exponential.core.database import PREPARING, VERSION_TABLE

part = context.config.attributes["part"]
engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    # Several processes may start at once: the first migrates, the others wait and find nothing to do.
    connection.execute(text(f"select pg_advisory_lock({PREPARING})"))
    connection.commit()
    context.configure(connection=connection, version_table=VERSION_TABLE, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text(f"select pg_advisory_unlock({PREPARING})"))
    connection.commit()
