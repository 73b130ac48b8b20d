"""Erase a person: what is under way is ended, what is held is deleted, the record says so.

Lead by lead, each in a transaction of its own under the lock that everybody takes who changes a
lead. Whoever writes about a lead afterwards finds no salt on it, and keeps no values: a send that
was under way is recorded, its request and reply are not.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from events import leads
from events.journal import Journal
from events.models import PrivacyRequest
from events.privacy import files, holdings, values
from events.privacy.finding import Person
from events.privacy.holdings import Subject
from events.privacy.wording import scrubbed
from events.vocabulary import EventType
from leadops.lib import ids, queue
from leadops.lib.jobs import Jobs

TASK = "events.tasks.erase"
AT_ONCE = 20.0  # seconds that a request works itself; a worker does the rest
LEASE = 120.0
REASON_LENGTH = 300
SHORTEST = 3  # characters of a name; shorter are states and countries
READ = 50  # leads whose values a reason must not repeat
NOTHING_HELD = "Nothing is held"

JOBS = Jobs("events_privacyrequest", open_states=("running",))


def erase(
    found: Person, *, by: str, reason: str, add_to: str = "", take_off: bool = False
) -> PrivacyRequest:
    """Erase whoever was found; what came of it. Most of the time it is done when this returns; of
    very many leads the workers do the rest.

    Suppression lists stay as they are, unless the person is to be put on one (`add_to`, its slug)
    or taken off all (`take_off`).
    """
    counts: Counter[str] = Counter()
    said = wording(found.subject, reason)
    with transaction.atomic(), connection.cursor() as cursor:
        if add_to or take_off:
            changed = holdings.suppress(found.subject, by=by, add_to=add_to)
            counts["recipients_suppressionentry"] += changed
        counts += _erase_rows(cursor, found.subject.nameless)
        request = PrivacyRequest.objects.create(
            id=ids.new_id("prv"),
            action=PrivacyRequest.Action.ERASURE,
            kind=found.kind,
            subject=found.digest,
            by=by,
            reason=said,
            leads=list(found.lead_ids),
            counts=dict(counts),
        )
    queue_rest = not work(request.id, seconds=AT_ONCE)
    if queue_rest:
        queue.enqueue(TASK, request.id)
    request.refresh_from_db()
    return request


def wording(subject: Subject, reason: str) -> str:
    """The reason, without what it repeats of the person: it stays for good."""
    said = reason.strip()
    with connection.cursor() as cursor:
        known = values.of_leads(cursor, subject.lead_ids[-READ:], subject.since)
    named = [*subject.emails, *subject.numbers]
    for each in (named, *(list(lead.values()) for lead in known.values())):
        words = [str(value) for value in each]
        said = scrubbed(said, [word for word in words if len(word) >= SHORTEST])
    return said[:REASON_LENGTH]


def work(id: str, *, seconds: float) -> bool:
    """Go on with an erasure for some seconds; True when it is at its end or another has it."""
    return JOBS.work(
        id, lambda: step(id), seconds=seconds, lease=LEASE, stopping=queue.stopping.is_set
    )


def resume() -> int:
    """Go on with what a worker left behind; how many."""
    unfinished = JOBS.unfinished()
    for id in unfinished:
        work(id, seconds=AT_ONCE)
    return len(unfinished)


def step(id: str) -> bool:
    """Erase the next lead of a request, or end it; whether there is more to do."""
    request = PrivacyRequest.objects.get(pk=id)
    if request.position >= len(request.leads):
        _finish(request)
        return False
    with transaction.atomic():
        counts = Counter(request.counts)
        counts.update(erase_lead(request.leads[request.position], request))
        request.position += 1
        request.counts = dict(counts)
        request.save(update_fields=["position", "counts"])
    if request.position % 100 == 0:
        JOBS.renew(id, LEASE)
    return True


def erase_lead(lead_id: str, request: PrivacyRequest) -> Mapping[str, int]:
    """Erase all that is held about a lead, in the caller's transaction; how many rows of which
    table. Nothing for one that was erased before."""
    with connection.cursor() as cursor:
        locked = leads.lock(cursor, [lead_id])
        if lead_id not in locked or locked[lead_id].salt is None:
            return {}
        subject = Subject((lead_id,), _arrived(cursor, lead_id))
        reason = wording(subject, request.reason)
        ended = holdings.stop(lead_id, by=request.by)
        lead = leads.lock(cursor, [lead_id])[lead_id]  # its events are more by now
        counts = _erase_rows(cursor, subject)
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        lead.salt = None
        journal.record(
            lead,
            EventType.LEAD_ERASED,
            entity_id=lead.flow_id,
            reason=reason,
            by=request.by,
            request=request.id,
            erased=dict(counts),
            deliveries_ended=ended,
        )
        leads.save(cursor, [lead])
        journal.write(cursor)
    return counts


def _arrived(cursor: Any, lead_id: str) -> Any:
    cursor.execute("SELECT created_at FROM events_lead WHERE id = %s", [lead_id])
    return cursor.fetchone()[0]


def _erase_rows(cursor: Any, subject: Subject) -> Counter[str]:
    """Leads' rows by their ids; what names no lead by the person's addresses and numbers."""
    counts: Counter[str] = Counter()
    for each in holdings.all_holdings():
        if number := each.erase(cursor, subject):
            counts[each.table] += number
    return counts


def _finish(request: PrivacyRequest) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        _forget_files(cursor, request, journal.at)
        rows = sum(request.counts.values())
        noun = "lead" if len(request.leads) == 1 else "leads"
        journal.operation(
            EventType.PRIVACY_ERASED,
            entity_id=request.id,
            reason=f"{len(request.leads):,} {noun} erased for {request.by}"
            if request.leads or rows
            else NOTHING_HELD,
            by=request.by,
            looked_for=request.kind,
            why=request.reason,
            leads=len(request.leads),
            erased=request.counts,
        )
        journal.write(cursor)
        request.state = PrivacyRequest.State.DONE
        request.finished_at = journal.at
        request.save(update_fields=["state", "finished_at", "counts"])


def _forget_files(cursor: Any, request: PrivacyRequest, until: datetime) -> None:
    """Exported files in which the leads may stand: no file can be taken apart."""
    cursor.execute("SELECT min(created_at) FROM events_lead WHERE id = ANY(%s)", [request.leads])
    since = cursor.fetchone()[0]
    if since is not None and (number := files.forget(since, until)):
        request.counts = {**request.counts, "events_exportpiece": number}


def vacuum() -> int:
    """Free the room of what was erased, so that its bytes are written over; how many requests.

    Outside of any transaction. Pages that nobody changed are passed by, so months of many million
    rows take seconds.
    """
    waiting = PrivacyRequest.objects.filter(
        action=PrivacyRequest.Action.ERASURE, state="done", vacuumed_at__isnull=True
    )
    done = list(waiting[:1000])
    tables = sorted({table for request in done for table in request.counts})
    known = {each.table for each in holdings.all_holdings()}
    with connection.cursor() as cursor:
        for table in tables:
            if table in known:
                cursor.execute(f"VACUUM {table}")
        cursor.execute("SELECT clock_timestamp()")
        at = cursor.fetchone()[0]
    PrivacyRequest.objects.filter(id__in=[request.id for request in done]).update(vacuumed_at=at)
    return len(done)


def wait(request: PrivacyRequest, *, seconds: float) -> PrivacyRequest:
    """The request once it is done, for somebody who can wait."""
    end = time.monotonic() + seconds
    while not request.is_done and time.monotonic() < end:
        if work(request.id, seconds=1.0):
            time.sleep(0.2)
        request.refresh_from_db()
    return request
