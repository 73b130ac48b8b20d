"""Signing in to the console: who guesses passwords is shut out for a few minutes.

Counted by user name with address, and by address alone: nobody elsewhere is shut out by who guesses
somebody's password here. A name that nobody has is treated as any other. A try counts before the
password is looked at, so that many at once gain nothing; one that succeeds is taken back.
"""

from __future__ import annotations

import hashlib
import logging
import math
import unicodedata
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from unfold.forms import AuthenticationForm

from leadops.lib import callers

log = logging.getLogger(__name__)

MINUTES: Final = 5  # from the last try that counted until all are forgotten
TRIES: Final = 5  # for one name, from one address
TRIES_OF_ADDRESS: Final = 100  # an office may share one

# Beyond the limit tries no longer prolong anything: whoever waits gets in.
COUNT: Final = """
    INSERT INTO accounts_signins AS known (key, tries, until)
    VALUES (%(key)s, 1, clock_timestamp() + make_interval(mins => %(minutes)s))
    ON CONFLICT (key) DO UPDATE SET
        tries = CASE WHEN known.until < clock_timestamp() THEN 1
                     ELSE least(known.tries, %(limit)s) + 1 END,
        until = CASE WHEN known.until < clock_timestamp() OR known.tries < %(limit)s
                     THEN excluded.until ELSE known.until END
    RETURNING tries, extract(epoch FROM until - clock_timestamp())::float
"""
FORGET: Final = """
    DELETE FROM accounts_signins WHERE key IN (
        SELECT key FROM accounts_signins WHERE until < clock_timestamp() LIMIT 100
    )
"""


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """The console's, with an end to guessing."""

    def clean(self) -> Any:
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        address = str(
            callers.address_of(self.request.META, proxies=settings.LEADOPS_TRUSTED_PROXIES) or ""
        )
        if seconds := count(name, address):
            raise ValidationError(
                "Too many attempts to sign in. Try again in %(minutes)s.",
                code="too_many",
                params={"minutes": _minutes(seconds)},
            )
        data = super().clean()
        take_back(name, address)
        return data


def count(name: str, address: str) -> float:
    """Count a try; 0 where it may go on, else the seconds until the next may."""
    with connection.cursor() as cursor:
        seconds = _counted(cursor, _key("", address), TRIES_OF_ADDRESS)
        seconds = seconds or _counted(cursor, _key(name, address), TRIES)
        cursor.execute(FORGET)
    if seconds:
        log.warning("Too many attempts to sign in from %s", address or "nowhere known")
    return seconds


def take_back(name: str, address: str) -> None:
    """The password was right: the name's tries are forgotten, the address has one less."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_signins WHERE key = %s", [_key(name, address)])
        cursor.execute(
            "UPDATE accounts_signins SET tries = tries - 1 WHERE key = %s AND tries > 0",
            [_key("", address)],
        )


def _counted(cursor: Any, key: str, limit: int) -> float:
    cursor.execute(COUNT, {"key": key, "limit": limit, "minutes": MINUTES})
    tries, seconds = cursor.fetchone()
    return max(float(seconds), 1.0) if tries > limit else 0.0


def _key(name: str, address: str) -> str:
    """Kept as a digest: what people type for a user name may be their password."""
    same = unicodedata.normalize("NFKC", name).casefold()
    whole = "\n".join((settings.SECRET_KEY, address, same))
    return hashlib.sha256(whole.encode()).hexdigest()


def _minutes(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
