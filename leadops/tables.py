"""The database's tables: made and brought up to date, by one process at a time."""

from __future__ import annotations

from typing import Final

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

# Two programs that migrate together make the same table twice, and one of them fails.
LOCK: Final = 0x4C4F7462


def migrate() -> None:
    """Bring the tables up to date; waits while another process does so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def require() -> None:
    """Make the tables of an empty database. CommandError where those of an earlier version stand:
    when to change these, the operator says."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not missing:
        return
    if executor.loader.applied_migrations:
        raise CommandError(
            f"The tables are an earlier version's, {len(missing)} migrations behind: "
            "run `manage.py migrate` first."
        )
    migrate()
