"""Who may still read: keys are revoked, accounts closed and roles changed while streams run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.crypto import salted_hmac

from events import visibility
from events.models import RecordSettings
from events.streaming.asked import Caller
from events.visibility import Sight

# The accounts live above this app.
GOOD_KEYS = """
    SELECT digest, user_id::text FROM accounts_accountkey
    WHERE digest = ANY(%s) AND (revoked_at IS NULL OR revoked_at > now())
"""
OPEN_SESSIONS = """
    SELECT session_key FROM django_session WHERE session_key = ANY(%s) AND expire_date > now()
"""


def password_mark(user: object) -> str:
    """Another text once the password is another; says nothing of it."""
    known: str = user.get_session_auth_hash()  # type: ignore[attr-defined]
    return salted_hmac("leadops.streams", known).hexdigest()


def sights(callers: Iterable[Caller]) -> dict[Caller, Sight]:
    """What each caller may see now; who may no longer read is not among them. Four queries, and
    one for each account manager."""
    asked = list(set(callers))
    keys: dict[str, str] = dict(_rows(GOOD_KEYS, [caller.key for caller in asked if caller.key]))
    sessions = {row[0] for row in _rows(OPEN_SESSIONS, [c.session for c in asked if c.session])}
    users = {
        str(user.pk): user
        for user in get_user_model().objects.filter(
            pk__in={caller.user for caller in asked}, is_active=True
        )
    }
    settings = RecordSettings.current() if users else None
    found = {}
    for caller in asked:
        user = users.get(caller.user)
        if user is None:
            continue
        by_key = bool(caller.key) and keys.get(caller.key) == caller.user
        by_session = caller.session in sessions and password_mark(user) == caller.password
        if by_key or by_session:
            found[caller] = visibility.of_user(user, settings)
    return found


def _rows(statement: str, values: list[str]) -> list[Any]:
    if not values:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, [values])
        return list(cursor.fetchall())
