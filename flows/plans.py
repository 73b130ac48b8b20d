"""The plans in force: compiled once by each process, and anew when the configuration changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from django.db import connection

from flows.loading import load_plans
from flows.plan import Plans

REVISION = "SELECT number FROM flows_revision WHERE id = 1"


@dataclass
class _Cache:
    plans: Plans | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_cache = _Cache()


def current(revision: int | None = None) -> Plans:
    """The plans of `revision` (default: the newest) or later, loaded if this process has others."""
    if revision is None:
        revision = newest()
    plans = _cache.plans
    if plans is None or plans.revision < revision:
        with _cache.lock:
            if _cache.plans is None or _cache.plans.revision < revision:
                _cache.plans = load_plans()
            plans = _cache.plans
    return plans


class Outdated(Exception):
    """This process has other plans than those in force."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"Revision {revision} is in force")
        self.revision = revision


def loaded(revision: int) -> Plans:
    """The plans of `revision` where this process has them; raises Outdated.

    For use in a transaction: loading there would read other configuration in every query.
    """
    plans = _cache.plans
    if plans is None or plans.revision < revision:
        raise Outdated(revision)
    return plans


def cached() -> Plans | None:
    """The plans that this process has, whatever their revision."""
    return _cache.plans


def forget() -> None:
    """Drop what this process has compiled."""
    _cache.plans = None


def newest() -> int:
    with connection.cursor() as cursor:
        cursor.execute(REVISION)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def changed() -> None:
    """Say that configuration has changed; true for others when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO flows_revision (id, number) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET number = flows_revision.number + 1"
        )
