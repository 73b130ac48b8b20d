"""Leads' values as they were at rows of the record, read for many rows at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from leadops.lib import ids

Version = tuple[str, int]
# `at` is bounded so that PostgreSQL looks into few months.
BY_VERSION = """
    SELECT s.lead_id, s.version, s.body FROM events_snapshot s
    JOIN unnest(%s::text[], %s::smallint[]) AS w(lead_id, version)
        ON s.lead_id = w.lead_id AND s.version = w.version
    WHERE s.at <= %s AND s.at >= coalesce(%s, '-infinity'::timestamptz)
"""
APART = timedelta(days=1)  # an id is made by one clock, its row's time is another's


def read(wanted: Iterable[Version], until: datetime) -> dict[Version, str]:
    """The versions as JSON text. Erased ones are not there."""
    pairs = sorted(set(wanted))
    if not pairs:
        return {}
    found = _read(pairs, until, _since(pairs))
    missing = [pair for pair in pairs if pair not in found]
    return {**found, **_read(missing, until, None)} if missing else found


def _read(pairs: list[Version], until: datetime, since: datetime | None) -> dict[Version, str]:
    with connection.cursor() as cursor:
        cursor.execute(BY_VERSION, [[p[0] for p in pairs], [p[1] for p in pairs], until, since])
        return {(lead_id, version): body for lead_id, version, body in cursor.fetchall()}


def _since(pairs: list[Version]) -> datetime | None:
    """Before the first of the leads, by their ids; None where they do not say."""
    try:
        return ids.moment(pairs[0][0]) - APART
    except ValueError:
        return None


def newest(wanted: Iterable[Version]) -> dict[Version, str]:
    """The same of leads as they are by now, however young their values."""
    return read(wanted, timezone.now() + APART)
