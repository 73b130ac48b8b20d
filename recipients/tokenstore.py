"""Tokens shared by processes and machines: encrypted rows, a lease on whoever fetches the next.

Threads that send have no database connection of their own: one is opened for the moment in which
a token is fetched, and closed after it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction

from leadops.lib import secrets
from recipients.auth import Keyring, Token, Tokens

log = logging.getLogger(__name__)

LOAD = """
    SELECT value, refresh, expires_at, fetched_at FROM recipients_token
    WHERE mark = %s AND fetched_at IS NOT NULL
"""
CLAIM = """
    INSERT INTO recipients_token (mark, endpoint_id, value, refresh, claimed_until)
    VALUES (%s, %s, '', '', clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (mark) DO UPDATE SET claimed_until = excluded.claimed_until
    WHERE recipients_token.claimed_until IS NULL
       OR recipients_token.claimed_until < clock_timestamp()
"""
SAVE = """
    INSERT INTO recipients_token (mark, endpoint_id, value, refresh, expires_at, fetched_at)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (mark) DO UPDATE SET value = excluded.value, refresh = excluded.refresh,
        expires_at = excluded.expires_at, fetched_at = excluded.fetched_at, claimed_until = NULL
"""
RELEASE = "UPDATE recipients_token SET claimed_until = NULL WHERE mark = %s"
# Those of credentials that have been replaced: nobody fetched with them for a month.
FORGET = """
    DELETE FROM recipients_token WHERE greatest(fetched_at, expires_at, claimed_until)
        < clock_timestamp() - interval '30 days'
"""


class DatabaseTokens:
    """A `TokenStore`. While the database is away every process fetches tokens of its own."""

    def load(self, mark: str) -> Token | None:
        row = None
        with self._cursor() as cursor:
            cursor.execute(LOAD, [_digest(mark)])
            row = cursor.fetchone()
        return _token(*row) if row else None

    def claim(self, mark: str, seconds: float) -> bool:
        taken: int = 1  # without a database to ask
        with self._cursor() as cursor:
            cursor.execute(CLAIM, [_digest(mark), _endpoint(mark), seconds])
            taken = cursor.rowcount
        return taken == 1

    def save(self, mark: str, token: Token) -> None:
        value = secrets.encrypt(token.value)
        refresh = secrets.encrypt(token.refresh) if token.refresh else ""
        moments = [_moment(token.expires_at), _moment(token.fetched_at)]
        with self._cursor() as cursor:
            cursor.execute(SAVE, [_digest(mark), _endpoint(mark), value, refresh, *moments])

    def release(self, mark: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(RELEASE, [_digest(mark)])

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        opened = connection.connection is None
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # Said here, not at the commit: that the endpoint was deleted meanwhile.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                yield cursor
        except (DatabaseError, InterfaceError) as error:
            log.warning("Tokens are not shared: %s", type(error).__name__)
            opened = True
        finally:
            if opened and not connection.in_atomic_block:
                connection.close()


def _digest(mark: str) -> str:
    """What is stored tells nothing of the credentials, not even to somebody who can guess them."""
    return secrets.search_digest("token", mark).hex()


def _endpoint(mark: str) -> str:
    return mark.partition(":")[0]


def _token(
    value: str, refresh: str, expires_at: datetime | None, fetched_at: datetime
) -> Token | None:
    try:
        return Token(
            secrets.decrypt(value),
            expires_at=expires_at.timestamp() if expires_at else None,
            refresh=secrets.decrypt(refresh) if refresh else "",
            fetched_at=fetched_at.timestamp(),
        )
    except secrets.Unreadable:
        return None  # under another key: a new one is fetched


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def forget_old() -> int:
    """How many were forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
        return int(cursor.rowcount)


@lru_cache(maxsize=1)
def keyring() -> Keyring:
    """This process's, shared by its threads."""
    return Keyring(Tokens(DatabaseTokens()))
