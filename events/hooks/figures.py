"""Hooks on figures: the hour that is over, against the same hour of the days before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from events import metrics
from events.hooks import firing, judging, keeping, unusual
from events.hooks.firing import Happening
from events.hooks.loading import Names
from events.hooks.repetition import Count, Terms, take
from events.hooks.unusual import Bounds, Hour
from events.metrics import Cell
from events.models import EventHook

HOUR = timedelta(hours=1)
SETTLES = timedelta(minutes=2)  # before an hour that is over is judged
COLUMNS = {
    EventHook.Per.ALL: "''",
    EventHook.Per.RECIPIENT: "recipient_id",
    EventHook.Per.SOURCE: "source_id",
    EventHook.Per.FLOW: "flow_id",
}
KINDS = ["lead", "attempt", "delivery"]
READ = """
    SELECT {column}, hour, kind, outcome, sum(n)::bigint, sum(revenue)
    FROM events_figure
    WHERE NOT test AND hour = ANY(%(hours)s) AND kind = ANY(%(kinds)s) AND {chosen}
    GROUP BY 1, 2, 3, 4
"""
DUE = """
    UPDATE events_eventhook SET judged_hour = %s
    WHERE id = %s AND active AND (judged_hour IS NULL OR judged_hour < %s) RETURNING id
"""


def over(now: datetime) -> datetime:
    """The start of the last hour that is over, and settled."""
    at = (now - SETTLES).astimezone(UTC)
    return at.replace(minute=0, second=0, microsecond=0) - HOUR


def judge_due(hooks: Sequence[EventHook], names: Names, now: datetime) -> int:
    """Judge the hour that is over, once by each hook on figures; how often they fired."""
    hour = over(now)
    return sum(
        _judge(hook, names, hour)
        for hook in hooks
        if hook.metric
        and (hook.judged_hour is None or hook.judged_hour < hour)
        and hook.sees(hour + HOUR)
    )


def _judge(hook: EventHook, names: Names, hour: datetime) -> int:
    found = unlike(hook, names, hour)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DUE, [hour, hook.id, hour])
        if cursor.fetchone() is None:
            return 0
        journal = firing.now(cursor)
        awake = _awake(cursor, hook, found, hour)
        fired = firing.carry_out(cursor, journal, awake, names)
        journal.write(cursor)
    return fired


def _awake(
    cursor: Any, hook: EventHook, found: Sequence[Happening], hour: datetime
) -> list[Happening]:
    """Without those that rest."""
    keys = [(hook.id, _about(each)) for each in found]
    counts = judging.stored(keys)
    terms = Terms(1, 1.0, hook.cool_down)
    awake, changed = [], set()
    for each, key in zip(found, keys, strict=True):
        counts[key], hit = take(counts.get(key, Count()), hour.timestamp(), terms)
        changed.add(key)
        if hit is not None:
            awake.append(each)
    keeping.keep(cursor, counts, changed, {hook.id: hook.cool_down})
    return awake


def _about(each: Happening) -> str:
    return each.recipient_id or each.source_id or each.flow_id


def unlike(hook: EventHook, names: Names, hour: datetime) -> list[Happening]:
    """What is unusual in an hour."""
    return unlike_of(hook, names, [hour])[hour]


def unlike_of(
    hook: EventHook, names: Names, hours: Sequence[datetime]
) -> dict[datetime, list[Happening]]:
    """The same of several hours, read at once."""
    days = [timedelta(days=number) for number in range(1, hook.days + 1)]
    wanted = {hour - back for hour in hours for back in [timedelta(0), *days]}
    figures = _read(hook, names, sorted(wanted))
    bounds = Bounds(
        hook.metric,
        hook.direction,
        None if hook.deviations is None else float(hook.deviations),
        None if hook.factor is None else float(hook.factor),
        hook.minimum,
    )
    found: dict[datetime, list[Happening]] = {hour: [] for hour in hours}
    for hour in hours:
        for id, of_id in sorted(figures.items()):
            began = min(of_id)
            past = [of_id.get(hour - back, Hour(0.0, 0.0)) for back in days if hour - back >= began]
            subject = names.shown(id) if id else "All together"
            text = unusual.judge(
                bounds, of_id.get(hour, Hour(0.0, 0.0)), past, subject=subject, hour=hour
            )
            if text:
                found[hour].append(_happening(hook, id, hour, text, names))
    return found


def _happening(hook: EventHook, id: str, hour: datetime, text: str, names: Names) -> Happening:
    party = names.of(id)["slug"] or None if id else None
    return Happening(
        hook,
        subject=f"{id}@{hour:%Y-%m-%dT%H}",
        text=text,
        flow_id=id if hook.per == EventHook.Per.FLOW else "",
        recipient_id=id if hook.per == EventHook.Per.RECIPIENT else "",
        source_id=id if hook.per == EventHook.Per.SOURCE else "",
        about={"hour": hour.isoformat(), "metric": hook.metric, hook.per or "all": party},
    )


def _read(
    hook: EventHook, names: Names, hours: Sequence[datetime]
) -> dict[str, dict[datetime, Hour]]:
    """By recipient, source or flow: its hours in which anything was counted."""
    column = COLUMNS[EventHook.Per(hook.per)]
    chosen, values = _chosen(hook, names)
    cells: dict[tuple[str, datetime], list[Cell]] = defaultdict(list)
    with connection.cursor() as cursor:
        statement = READ.format(column=column, chosen=chosen)
        cursor.execute(statement, {"hours": list(hours), "kinds": KINDS, **values})
        for id, hour, kind, outcome, n, revenue in cursor.fetchall():
            cell = Cell(kind=kind, outcome=outcome, n=n, revenue=Decimal(revenue))
            cells[id, hour].append(cell)
    found: dict[str, dict[datetime, Hour]] = defaultdict(dict)
    for (id, hour), of_hour in cells.items():
        if id or not hook.per:
            found[id][hour] = unusual.hour_of(hook.metric, metrics.summarise(of_hour))
    return found


def _chosen(hook: EventHook, names: Names) -> tuple[str, dict[str, list[str]]]:
    parts, values = ["TRUE"], dict[str, list[str]]()
    for column, slugs in (("flow_id", hook.flows), ("recipient_id", hook.recipients)):
        if slugs:
            prefix = "flow_" if column == "flow_id" else "rcp_"
            parts.append(f"{column} = ANY(%({column})s)")
            values[column] = [
                id for id, each in names.parties.items()
                if each.slug in slugs and id.startswith(prefix)
            ]  # fmt: skip
    return " AND ".join(parts), values
