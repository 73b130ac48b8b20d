"""Strong locks on busy tables: waited for briefly, so that nobody queues behind them for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

WAIT_MS = 300  # for each lock; who comes after us waits as long


class Busy(Exception):
    """Somebody else holds it, for longer than is waited; another time."""


@contextmanager
def briefly(milliseconds: int = WAIT_MS) -> Iterator[None]:
    """A transaction whose statements wait this long for a lock at most; raises Busy instead.

    Within another transaction a savepoint; the limit ends with it either way.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            before = cursor.fetchone()[0]
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{milliseconds}ms"])
            yield
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") in ("55P03", "40P01"):  # time-out, deadlock
            raise Busy(str(error).splitlines()[0]) from error
        raise
