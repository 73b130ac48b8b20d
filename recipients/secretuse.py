"""When secrets were used last: noted in memory for every attempt, written once a minute."""

from __future__ import annotations

import time

from django.db import connection

from recipients.auth import Keyring

INTERVAL = 60.0  # seconds
USED = """
    UPDATE recipients_secret SET used_at = clock_timestamp(),
        second_used_at = CASE WHEN name = ANY(%s) THEN clock_timestamp() ELSE second_used_at END
    WHERE name IN (SELECT name FROM recipients_secret WHERE name = ANY(%s) ORDER BY name FOR UPDATE)
"""


class SecretUse:
    """Writes down what a keyring noted. Only for threads that may talk to the database."""

    def __init__(self, keyring: Keyring, *, interval: float = INTERVAL) -> None:
        self._keyring = keyring
        self._interval = interval
        self._written = time.monotonic()

    def write_if_due(self) -> None:
        """Raises DatabaseError; what was to be written is then written next time."""
        if time.monotonic() - self._written >= self._interval:
            self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        used = self._keyring.take_used()
        if not used.names:
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute(USED, [sorted(used.second), sorted(used.names)])
        except Exception:
            self._keyring.give_back(used)
            raise
