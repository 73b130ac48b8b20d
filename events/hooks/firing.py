"""What a firing does, all in the transaction that moves the hooks' position.

Tags, pauses and the record are part of it; what leaves the house is put into rows of notices, sent
afterwards, each under its row's id. So a crash neither loses an action nor doubles one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction

from events import directory, leads
from events.hooks import pausing, watches
from events.hooks.loading import Names
from events.hooks.watches import Fired
from events.journal import Journal
from events.masking import TextMask
from events.models import EventHook
from events.vocabulary import EventType
from leadops.lib import ids
from leadops.lib.bulk import Table

log = logging.getLogger(__name__)

FIRING = Table(
    "events_hookfiring",
    {
        "id": "text",
        "hook_id": "text",
        "event_id": "text",
        "subject": "text",
        "at": "timestamptz",
        "lead_id": "text",
        "text": "text",
        "did": "text",
        "told": "jsonb",
    },
)
NOTICE = Table("events_hooknotice", {"id": "text", "firing_id": "text", "channel_id": "bigint"})
TAG = Table(
    "events_leadtag", {"lead_id": "text", "tag": "text", "at": "timestamptz", "hook_id": "text"}
)
KNOWN = """
    SELECT f.hook_id, f.event_id, f.subject
    FROM unnest(%s::text[], %s::text[], %s::text[]) AS w(hook_id, event_id, subject)
    JOIN events_hookfiring f USING (hook_id, event_id, subject)
"""
COUNTED = """
    UPDATE events_eventhook SET fired = fired + w.n, fired_at = %s
    FROM unnest(%s::text[], %s::int[]) AS w(id, n) WHERE events_eventhook.id = w.id
"""
SNAPSHOTS = "SELECT lead_id, body::text FROM events_snapshot WHERE lead_id = ANY(%s)"
LONGEST, LONGEST_DID = 500, 300


@dataclass(slots=True)
class Happening:
    """A hook fires about something. `about` is told to receivers, `way` names an endpoint."""

    hook: EventHook
    subject: str
    text: str
    event_id: str = ""
    lead_id: str = ""
    flow_id: str = ""
    recipient_id: str = ""
    source_id: str = ""
    way: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.hook.id, self.event_id, self.subject


def of_event(each: Fired, hook: EventHook, names: Names) -> Happening:
    """From an event that fired a hook; not masked yet."""
    seen, event = each.match.seen, each.match.seen.values["event"]
    facts = watches.facts(each.match.watch.rule, seen.values)
    return Happening(
        hook,
        subject=each.match.subject,
        text=each.text,
        event_id=seen.id,
        lead_id=seen.lead_id,
        flow_id=seen.flow_id,
        recipient_id=seen.recipient_id,
        source_id=seen.source_id,
        way=str((event.get("metadata") or {}).get("endpoint") or ""),
        about={
            "event": {
                "id": seen.id,
                "type": seen.type,
                "timestamp": seen.at.isoformat(),
                "outcome": event["outcome"],
                "lead_id": seen.lead_id or None,
                "test": seen.test,
                "flow": _slug(seen.flow_id, names),
                "source": _slug(seen.source_id, names),
                "recipient": _slug(seen.recipient_id, names),
                "price": (event.get("delivery") or {}).get("price"),
            },
            "matched": [
                {"field": name, "value": value, "rule": rule} for name, value, rule in facts
            ],
            "times": each.hit.times,
            "held": each.hit.held,
        },
    )


def _slug(id: str, names: Names) -> str | None:
    return names.of(id)["slug"] or None if id else None


def carry_out(cursor: Any, journal: Journal, given: Iterable[Happening], names: Names) -> int:
    """Do what the hooks say, in the caller's transaction; how many fired that had not before.

    Leads are locked before recipients and sources are, as pumps do it.
    """
    found = _new(cursor, list({each.key: each for each in given}.values()))
    if not found:
        return 0
    hide(cursor, found)
    _tag(cursor, journal, [each for each in found if each.hook.tag and each.lead_id])
    _pause([each for each in found if each.hook.pause], names)
    _keep(cursor, journal, found, names)
    return len(found)


def _new(cursor: Any, given: Sequence[Happening]) -> list[Happening]:
    if not given:
        return []
    cursor.execute(KNOWN, [list(column) for column in zip(*(e.key for e in given), strict=True)])
    known = set(cursor.fetchall())
    return [each for each in given if each.key not in known]


def hide(cursor: Any, found: Sequence[Happening]) -> None:
    """Hide what an event's words repeat of the person: buyers quote what they got."""
    of_leads: dict[str, list[dict[str, Any]]] = {}
    wanted = sorted({each.lead_id for each in found if each.lead_id})
    if wanted:
        cursor.execute(SNAPSHOTS, [wanted])
        for lead_id, body in cursor.fetchall():
            of_leads.setdefault(lead_id, []).append(orjson.loads(body))
    privacy: dict[str, Mapping[str, str]] = {}
    for each in found:
        if bodies := of_leads.get(each.lead_id):
            if each.flow_id not in privacy:
                privacy[each.flow_id] = directory.privacy(each.flow_id)
            mask = TextMask(bodies, privacy[each.flow_id])
            each.text = mask.text(each.text)
            each.about["matched"] = [
                {**fact, "value": mask.text(fact["value"])} for fact in each.about["matched"]
            ]


def _tag(cursor: Any, journal: Journal, found: Sequence[Happening]) -> None:
    if not found:
        return
    locked = leads.lock(cursor, (each.lead_id for each in found))
    journal.move_on(cursor)
    given = {(each.lead_id, each.hook.tag): each for each in found if each.lead_id in locked}
    rows = [
        {"lead_id": lead_id, "tag": tag, "at": journal.at, "hook_id": each.hook.id}
        for (lead_id, tag), each in given.items()
    ]
    TAG.insert(cursor, rows, suffix="ON CONFLICT (lead_id, tag) DO NOTHING RETURNING lead_id, tag")
    new = set(cursor.fetchall()) if rows else set()
    for key in sorted(new):
        each = given[key]
        each.did.append(f"tagged {key[1]}")
        journal.record(
            locked[key[0]],
            EventType.LEAD_TAGGED,
            entity_id=each.hook.id,
            reason=each.text,
            tag=key[1],
            by=pausing.by(each.hook.slug),
            hook=_hook(each.hook),
        )
    leads.save(cursor, [locked[lead_id] for lead_id in sorted({key[0] for key in new})])


def _pause(found: Sequence[Happening], names: Names) -> None:
    """Each once, in order of ids, so that no two wait for each other in a circle."""
    done: set[tuple[str, str, str]] = set()
    for each in sorted(found, key=lambda each: (each.hook.pause, _target(each))):
        key = (each.hook.pause, _target(each), each.way)
        if not key[1]:
            each.did.append(f"there is no {each.hook.pause} to pause")
        elif key in done:
            each.did.append(_already(key[1], names))
        else:
            done.add(key)
            each.did.append(_paused(each, names))


def _target(each: Happening) -> str:
    return each.source_id if each.hook.pause == EventHook.Pause.SOURCE else each.recipient_id


def _paused(each: Happening, names: Names) -> str:
    hook, target = each.hook, _target(each)
    try:
        with transaction.atomic():
            pauser = pausing.pauser(hook.pause)
            reason = f"Hook {hook.slug}: {each.text}"
            did = pauser(target, way=each.way, reason=reason, by=pausing.by(hook.slug))
    except (LookupError, ValueError) as error:
        log.warning("Hook %s cannot pause %s: %s", hook.slug, target, error)
        return f"could not pause {names.shown(target)}: {error}"
    return did or _already(target, names)


def _already(target: str, names: Names) -> str:
    return f"{names.shown(target)} was paused already"


def _keep(cursor: Any, journal: Journal, found: Sequence[Happening], names: Names) -> None:
    firings, notices, counts = [], [], dict[str, int]()
    for each in found:
        channels = list(each.hook.notify.all())
        if channels:
            each.did.append("tells " + ", ".join(channel.slug for channel in channels))
        if each.hook.url:
            each.did.append("calls its webhook")
        firing = _firing(each, journal.at)
        firings.append(firing)
        to = [channel.pk for channel in channels] + ([None] if each.hook.url else [])
        notices += [
            {"id": ids.new_id("msg"), "firing_id": firing["id"], "channel_id": pk} for pk in to
        ]
        counts[each.hook.id] = counts.get(each.hook.id, 0) + 1
        _record(journal, each, firing["id"])
    FIRING.insert(cursor, firings)
    NOTICE.insert(cursor, notices)
    cursor.execute(COUNTED, [journal.at, list(counts), list(counts.values())])


def _firing(each: Happening, at: datetime) -> dict[str, Any]:
    did = "; ".join(each.did)[:LONGEST_DID]
    return {
        "id": ids.new_id("fire"),
        "hook_id": each.hook.id,
        "event_id": each.event_id,
        "subject": each.subject,
        "at": at,
        "lead_id": each.lead_id,
        "text": each.text[:LONGEST],
        "did": did,
        "told": {
            "hook": {"slug": each.hook.slug, "name": each.hook.name},
            "text": each.text[:LONGEST],
            "did": did,
            **each.about,
        },
    }


def _record(journal: Journal, each: Happening, firing_id: str) -> None:
    journal.operation(
        EventType.HOOK_FIRED,
        entity_id=each.hook.id,
        flow_id=each.flow_id,
        reason=each.text,
        hook=_hook(each.hook),
        firing=firing_id,
        subject=each.subject,
        did=each.did,
        **each.about,
    )


def _hook(hook: EventHook) -> dict[str, str]:
    return {"id": hook.id, "slug": hook.slug, "name": hook.name}


def now(cursor: Any) -> Journal:
    """A journal of this moment."""
    cursor.execute("SELECT clock_timestamp()")
    return Journal(cursor.fetchone()[0])
