"""Finding events, newest first, among tens of millions, without ever hanging.

The record is walked along one index: that of the filter which leaves the fewest events, as
PostgreSQL estimates them. The other filters are held against what is met on the way. A walk is
done in stretches and ends when the page is full, when nothing is left, or when its time is up;
then it says how far back it has looked, and goes on from there when it is asked to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from events import directory
from events.eventpages.filters import Filters
from events.visibility import Sight
from recipients.outcomes import Outcome

Place = tuple[datetime, str]  # the moment and id of an event
STRETCHES: Final = (300, 1_500, *[5_000] * 12)  # events looked at
# Seconds for all stretches: a page is to be there within 150 ms, and itself wants its part of that.
# A stretch is no longer than what is left, at the pace of the one before.
ENOUGH: Final = 0.08
LEAST: Final = 60  # events of a stretch, into however many values it is split
LIMIT: Final = "3s"  # of a statement, where the database is slow all the same

WALK = """
    SELECT e.id, e.timestamp, ({fits}) AS fits FROM events_event e
    WHERE {where} ORDER BY e.timestamp DESC, e.id DESC LIMIT %(size)s
"""
WALKS = """
    SELECT w.* FROM unnest(%(values)s::text[]) AS v(value)
    CROSS JOIN LATERAL ({walk}) AS w ORDER BY w.timestamp DESC, w.id DESC LIMIT %(size)s
"""
# The last of a whole stretch is given too: the place from which the walk goes on.
STRETCH = """
    SELECT id, timestamp, fits, n FROM (
        SELECT *, row_number() OVER (ORDER BY timestamp DESC, id DESC) AS n FROM ({walk}) AS walk
    ) AS walked
    WHERE fits OR n = %(size)s ORDER BY n
"""
# Of each event met on the way; with EXISTS, PostgreSQL would rather read all leads there are.
OF_LEAD = "coalesce((SELECT {} FROM events_lead l WHERE l.id = e.lead_id), false)"
# As the index says it, so that PostgreSQL sees that it may be used.
INDEXED: Final = "e.outcome NOT IN ('', 'accepted')"
OWN: Final = {  # filters by what stands in an event's own fields
    "category": "e.data -> 'failure' ->> 'category'",
    "endpoint": "e.data -> 'metadata' ->> 'endpoint'",
    "mapping": "e.data -> 'metadata' ->> 'mapping_version'",
    "status": "e.data -> 'response' ->> 'status_code'",
    "delivery": "e.data -> 'delivery' ->> 'id'",
}


class TooSlow(Exception):
    """The database did not answer in time; a shorter period may help."""


class Nothing(Exception):
    """What was asked for cannot be there, or not for the viewer."""


@dataclass(slots=True)
class Search:
    """What is looked for. `ways`: columns with an index and the values wanted there; one of them
    is walked, the others are conditions."""

    ways: dict[str, list[str]] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    bounds: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Walked:
    """The places found, newest first. `next`: where it goes on, None at the end of the record;
    `until`: how far back it looked, where its time was up before enough were found."""

    found: list[Place]
    next: Place | None = None
    until: datetime | None = None


def search(
    filters: Filters, sight: Sight, *, start: datetime | None = None, end: datetime | None = None
) -> Search:
    """What the filters mean for this viewer. Raises Nothing."""
    made = Search()
    _entities(made, filters, sight)
    if filters.lead or filters.delivery:
        made.ways["lead_id"] = [_lead(filters, sight)]
    if filters.flow:
        made.ways["flow_id"] = [_id("flows.Flow", filters.flow)]
    if filters.type:
        made.ways["type"] = filters.types
    for name, expression in OWN.items():
        if value := getattr(filters, name):
            made.conditions.append(f"{expression} = %({name})s")
            made.values[name] = value
    _outcomes(made, filters)
    for place, word in enumerate(filters.words):
        made.conditions.append(f"e.reason ILIKE %(word{place})s")
        made.values[f"word{place}"] = f"%{_literal(word)}%"
    _of_leads(made, filters)
    for name, operator, moment in (("start", ">=", start), ("end", "<", end)):
        if moment is not None:
            made.bounds.append(f"e.timestamp {operator} %({name})s")
            made.values[name] = moment
    return made


def _entities(made: Search, filters: Filters, sight: Sight) -> None:
    """Whose events: of a recipient that was chosen, or of those that the viewer may see."""
    if sight.source:
        raise Nothing("Events are not shown to sources.")
    if filters.recipient:
        chosen = _id("recipients.Recipient", filters.recipient)
        if not sight.sees_recipient(chosen):
            raise Nothing("There is no such recipient.")
        made.ways["entity_id"] = [chosen]
    elif sight.recipients is not None:
        made.ways["entity_id"] = sorted(sight.recipients)


def _outcomes(made: Search, filters: Filters) -> None:
    """What most events come to has no index: of those a page is full at once by time."""
    if Outcome.ACCEPTED in filters.outcome:
        made.conditions.append("e.outcome = ANY(%(outcomes)s)")
        made.values["outcomes"] = list(filters.outcome)
    elif filters.outcome:
        made.ways["outcome"] = list(filters.outcome)
        made.bounds.append(INDEXED)


def _lead(filters: Filters, sight: Sight) -> str:
    """The lead that is meant, by itself or by its delivery."""
    if filters.lead:
        return filters.lead
    rows = sight.deliveries().filter(id=filters.delivery).values_list("lead_id", flat=True)
    found: str | None = rows.first()
    if found is None:
        raise Nothing("There is no such delivery.")
    return found


def _id(model: str, slug: str) -> str:
    party = directory.party(model, slug)
    if party is None:
        raise Nothing(f"There is no {model.rpartition('.')[2].lower()} {slug!r}.")
    return party.id


def _of_leads(made: Search, filters: Filters) -> None:
    """By what stands at the lead; events about no lead are no test leads'."""
    if filters.source:
        made.values["source"] = _id("flows.Source", filters.source)
        of_lead = OF_LEAD.format("l.source_id = %(source)s")
        made.conditions.append(f"(e.entity_id = %(source)s OR {of_lead})")
    if filters.test:
        of_lead = OF_LEAD.format("l.test")
        made.conditions.append(of_lead if filters.test == "only" else f"NOT {of_lead}")


def _literal(text: str) -> str:
    """For LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def walk(
    wanted: Search,
    *,
    most: int,
    after: Place | None = None,
    seconds: float = ENOUGH,
    stretches: Collection[int] = (),
) -> Walked:
    """Up to `most` events, and whether there are more; `stretches` others than STRETCHES.

    Raises TooSlow.
    """
    if [] in wanted.ways.values():
        return Walked([])
    began = time.monotonic()
    found: list[Place] = []
    left = list(stretches or STRETCHES)
    began_at = after
    with _bounded():
        way = _way(wanted)
        parts = max(1, len(wanted.ways.get(way, ())))
        size = max(LEAST, left.pop(0) // parts)
        while True:
            start = time.monotonic()
            try:
                rows, last = _stretch(wanted, way, size, after)
            except TooSlow:
                if after is None or after == began_at:
                    raise
                return Walked(found, after, after[0])
            found += rows
            if len(found) > most:
                return Walked(found[:most], found[most - 1])
            if last is None:
                return Walked(found)
            after = last
            now = time.monotonic()
            if not left or now - began > seconds:
                return Walked(found, after, after[0])
            in_time = int(size * (seconds - (now - began)) / (now - start))
            size = max(LEAST, min(left.pop(0) // parts, in_time))


@contextmanager
def _bounded() -> Iterator[None]:
    """In here a statement ends after LIMIT, and one snapshot of the record is seen."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [LIMIT])
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")


def _way(wanted: Search) -> str:
    """The column that leaves the fewest events; blank: along the time alone."""
    if len(wanted.ways) < 2 or "lead_id" in wanted.ways:
        return "lead_id" if "lead_id" in wanted.ways else next(iter(wanted.ways), "")
    return min(wanted.ways, key=lambda column: _estimate(wanted, column))


def _estimate(wanted: Search, column: str) -> float:
    """How many events PostgreSQL expects; reads its statistics, no event."""
    where = " AND ".join([f"e.{column} = ANY(%(values)s)", *wanted.bounds])
    sql = f"EXPLAIN (FORMAT JSON) SELECT FROM events_event e WHERE {where}"
    with connection.cursor() as cursor:
        cursor.execute(sql, {**wanted.values, "values": wanted.ways[column]})
        told = cursor.fetchone()[0]
    plan = json.loads(told) if isinstance(told, str) else told
    return float(plan[0]["Plan"]["Plan Rows"])


def _stretch(
    wanted: Search, way: str, size: int, after: Place | None
) -> tuple[list[Place], Place | None]:
    """The events of one stretch that fit, and its last place; None where the record ended."""
    values = dict(wanted.values)
    fits, where = list(wanted.conditions), list(wanted.bounds)
    for column, words in wanted.ways.items():
        if column != way:
            fits.append(f"e.{column} = ANY(%({column})s)")
            values[column] = words
    if after is not None:
        # The first condition alone lets PostgreSQL begin at the right place of its index.
        where.append("e.timestamp <= %(at)s AND NOT (e.timestamp = %(at)s AND e.id >= %(id)s)")
        values |= {"at": after[0], "id": after[1]}
    sql = _sql(way, wanted.ways.get(way, []), fits, where, size, values)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows = cursor.fetchall()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":  # cancelled: its time was up
            raise
        raise TooSlow from error
    found = [(at, id) for id, at, fits, _ in rows if fits]
    last = next(((at, id) for id, at, _, n in rows if n == size), None)
    return found, last


def _sql(
    way: str,
    words: list[str],
    fits: list[str],
    where: list[str],
    size: int,
    values: dict[str, Any],
) -> str:
    values |= {"size": size}
    if not way:
        walk = WALK.format(fits=_all(fits), where=_all(where))
    elif len(words) == 1:
        values["value"] = words[0]
        walk = WALK.format(fits=_all(fits), where=_all([f"e.{way} = %(value)s", *where]))
    else:
        # Of each of them as many as may be among the newest of all.
        values |= {"values": words}
        one = WALK.format(fits=_all(fits), where=_all([f"e.{way} = v.value", *where]))
        walk = WALKS.format(walk=one)
    return STRETCH.format(walk=walk)


def _all(conditions: Collection[str]) -> str:
    return " AND ".join(conditions) or "true"
