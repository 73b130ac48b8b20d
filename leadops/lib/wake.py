"""The bell that tells pumps there is work; the poll behind it finds what a lost bell left."""

from __future__ import annotations

from typing import Any

CHANNEL = "leadops_work"


def ring(cursor: Any) -> None:
    """Heard when the transaction commits."""
    cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
