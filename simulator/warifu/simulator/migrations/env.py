"""Alembic's entry: runs the migrations of one kind of database on the connection that it is given, or writes them down for a dialect."""

from alembic import context

from warifu.simulator.migrations import version_table

given = context.config.attributes
if context.is_offline_mode():
    context.configure(
        dialect_name=given["dialect"],
        target_metadata=given["metadata"],
        version_table=version_table(given["schema"], given["dialect"]),
        literal_binds=True,
    )
else:
    context.configure(
        connection=given["connection"],
        target_metadata=given["metadata"],
        version_table=version_table(given["schema"], given["connection"].dialect.name),
        render_as_batch=True,
    )
with context.begin_transaction():
    context.run_migrations()
