"""A batch of the record through all hooks: what fires, and what was counted. Writes nothing.

The counts of a batch's subjects are read once. A hook whose rules take too long, or that fails, is
stopped rather than let hold up the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson
from django.db import connection

from events.hooks import watches as looking
from events.hooks.repetition import Count
from events.hooks.watches import Fired, Match, Seen, Watch

log = logging.getLogger(__name__)

SLOWEST = 2.0  # seconds of processor time that one hook may take for a batch
Key = tuple[str, str]
COUNTS = """
    SELECT c.hook_id, c.subject, c.moments, c.fired, c.held
    FROM unnest(%s::text[], %s::text[]) AS w(hook_id, subject)
    JOIN events_hookcount c ON c.hook_id = w.hook_id AND c.subject = w.subject
"""


@dataclass(slots=True)
class Judged:
    """`stopped`: hooks that must not go on, each with why."""

    fired: list[Fired] = field(default_factory=list)
    counts: dict[Key, Count] = field(default_factory=dict)
    changed: set[Key] = field(default_factory=set)
    stopped: dict[str, str] = field(default_factory=dict)


def judge(
    batch: Sequence[tuple[Seen, list[Watch]]], *, known: dict[Key, Count] | None = None
) -> Judged:
    """`known` are counts to go on from in place of the stored ones."""
    found = Judged()
    by_watch: dict[str, tuple[Watch, list[Seen]]] = {}
    for seen, own in batch:
        for watch in own:
            by_watch.setdefault(watch.id, (watch, []))[1].append(seen)
    matches = [m for watch, seen in by_watch.values() for m in _matches(watch, seen, found)]
    keys = {each.key for each in matches if each.watch.terms.remembers}
    found.counts = stored(keys) if known is None else known
    found.fired, found.changed = looking.fire(matches, found.counts)
    return found


def _matches(watch: Watch, batch: Iterable[Seen], found: Judged) -> list[Match]:
    matches: list[Match] = []
    began = time.thread_time()
    try:
        for number, seen in enumerate(batch, 1):
            if (match := looking.match(watch, seen)) is not None:
                matches.append(match)
            if (spent := time.thread_time() - began) > SLOWEST:
                found.stopped[watch.id] = (
                    f"Its rules take too long: {spent:.1f} s for {number} events"
                )
                break
    except Exception as error:
        log.exception("Hook %s cannot be judged", watch.slug)
        found.stopped[watch.id] = f"Its rules fail: {type(error).__name__}"
    return matches


def stored(keys: Iterable[Key]) -> dict[Key, Count]:
    wanted = sorted(keys)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [[hook for hook, _ in wanted], [subject for _, subject in wanted]])
        rows = cursor.fetchall()
    return {
        (hook_id, subject): Count(tuple(_moments(moments)), fired, held)
        for hook_id, subject, moments, fired, held in rows
    }


def _moments(value: str) -> list[float]:
    return list(orjson.loads(value))  # our cursors give JSON as text
