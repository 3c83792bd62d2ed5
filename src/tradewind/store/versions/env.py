"""What Alembic runs to migrate: on the connection it is handed, in the transaction under way."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
