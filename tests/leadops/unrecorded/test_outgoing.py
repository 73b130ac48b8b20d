"""Nothing unrecorded in what leaves: exports, pushes, hooks, feedback passed on; and in lists."""

from __future__ import annotations

import io
import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from events.exports import keeping, scheduling
from events.exports import working as making
from events.following import Position
from events.hooks import telling
from events.hooks.working import Follower
from events.models import (
    EventSubscription,
    Export,
    ExportSchedule,
    FeedbackLine,
    LeadTag,
    PassedFeedback,
    SavedSearch,
)
from events.passing import steering as telling_sources
from events.passing import working as passing
from events.pushing import steering as pushes
from events.pushing import working as pushing
from flows import tasks
from flows.suppression import lines, uploads
from leadops.lib.http import Door
from recipients.models import SuppressionList
from recipients.outcomes import Outcome
from tests.events.passing.conftest import receiver
from tests.events.passing.stage import SECRET, Receiver
from tests.flows.scene import Scene, attempt
from tests.leadops.unrecorded.hands import ABC, ADA, OLGA, call, lead, load, never, post
from tests.leadops.unrecorded.watched import all_recorded, aside, begin, touched

__all__ = ["receiver"]
pytestmark = pytest.mark.django_db(transaction=True)

OUTGOING = """
channels: [{slug: ops, url: "%(url)s"}]
hooks:
  - slug: sold
    name: Sold
    types: [flow.completed]
    tag: good
    pause: source
    notify: [ops]
    active: true
subscriptions:
  - {slug: warehouse, url: "%(url)s", secret: %(secret)s, batch_age: 0s}
"""
FILES = """
destinations: [{slug: shelf, kind: file, settings: {folder: out}}]
exports: [{slug: daily, what: leads, format: csv, every: day, at: "06:00", to: shelf}]
record: {retention: {exchanges: 20d}}
"""
PASSED = """
sources:
  - slug: web
    name: Web Form A
    price: 15
    feedback: {url: "%(url)s", kinds: [conversion, return], secret: %(secret)s}
"""


def door() -> Door:
    return Door(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=1)


def past() -> None:
    """Let whatever waits be due."""
    due = timezone.now() - timedelta(seconds=1)
    with aside():
        for rows in (FeedbackLine, EventSubscription):
            rows.objects.update(due_at=due)
        PassedFeedback.objects.filter(state="waiting").update(due_at=due)
        ExportSchedule.objects.update(next_at=due)


def test_exports_are_made_taken_sent_and_deleted_with_an_event(
    watch: None, play: Scene, client: Client
):
    begin()
    load(FILES)
    lead(client)
    asked = {"what": "leads", "format": "csv", "reason": "For the auditor"}
    one, other, gone = (post(client, "exports", ADA, **asked)["id"] for _ in range(3))
    making.work(one, seconds=60.0, stopping=never)
    post(client, f"exports/{one}/link", ADA)
    call(client, "GET", f"exports/{one}/download", ADA)
    post(client, f"exports/{other}/cancel", ADA)
    past()
    assert scheduling.begin_due() == 1
    made = Export.objects.get(schedule="daily")
    making.work(made.id, seconds=60.0, stopping=never)
    assert scheduling.send_due() == 1
    post(client, "destinations/shelf/test", OLGA)
    post(client, "erasures", ADA, email="ann@example.com", reason="Asked for it")
    with aside():
        making.work(gone, seconds=60.0, stopping=never)
        Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert keeping.forget_old() >= 1
    all_recorded()
    assert touched() >= {"events_export", "events_destination", "events_exportschedule"}


def test_pushes_and_hooks_do_what_they_do_with_an_event(
    watch: None, play: Scene, client: Client, receiver: Receiver
):
    begin()
    load(OUTGOING % {"url": receiver.url, "secret": SECRET})
    follower = Follower()
    follower.step()
    _push()  # both begin here
    lead(client)
    play.play(abc=[attempt(Outcome.ACCEPTED)])
    assert follower.step().fired == 1
    assert telling.look(door()) >= 1
    assert LeadTag.objects.exists()
    one = EventSubscription.objects.get()
    receiver.status = 410  # gone for good: it is paused
    _push()
    assert pushes.resume(one, by="olga")
    receiver.status = 200
    _push()
    assert pushes.pause(one, reason="Moving", by="olga")
    pushes.rewind(one, Position(0), by="olga")
    all_recorded()
    assert touched() >= {"events_hookfiring", "events_leadtag", "events_eventsubscription"}


def _push() -> None:
    past()
    for id in pushing.claim("worker", 5):
        pushing.Turn(id, "worker", door()).work(stopping=threading.Event())


def test_feedback_is_passed_on_with_an_event(
    watch: None, play: Scene, client: Client, receiver: Receiver
):
    begin()
    load(PASSED % {"url": receiver.url, "secret": SECRET})
    sold = lead(client)
    play.play(abc=[attempt(Outcome.ACCEPTED)])
    for status, kind in ((200, "conversion"), (500, "return")):
        receiver.status = status
        post(client, "feedback", ABC, kind=kind, lead_id=sold)
        _pass_on()
    with aside():
        PassedFeedback.objects.update(failing_since=timezone.now() - timedelta(days=2))
    _pass_on()
    failed = PassedFeedback.objects.get(state="failed")
    assert telling_sources.send_again([failed.id], by="olga") == 1
    assert telling_sources.pause(play.source, reason="Down", by="olga")
    assert telling_sources.resume(play.source, by="olga")
    all_recorded()
    assert touched() >= {"events_passedfeedback", "events_feedbackline"}


def _pass_on() -> None:
    past()
    passing.run(seconds=10.0)


def test_lists_change_with_an_event_also_half_way(
    watch: None, play: Scene, client: Client, monkeypatch: pytest.MonkeyPatch
):
    begin()
    monkeypatch.setattr(lines, "PIECE", 40)
    row = SuppressionList.objects.get()
    numbers = io.BytesIO("\n".join(f"51255501{n:02}" for n in range(12)).encode())
    upload = uploads.start(row, numbers, by="olga")
    assert uploads._step(upload.id)
    assert uploads.cancel(upload.id)
    row.refresh_from_db()
    assert row.entries > 0, "what was added stays"
    for mode in ("add", "remove", "replace"):
        numbers.seek(0)
        tasks.suppression_upload(uploads.start(row, numbers, by="olga", mode=mode).id)
    client.login(username="olga", password="correct-horse")
    assert (
        client.post("/events/kept/", {"name": "Failed", "query": "group=failed"}).status_code == 302
    )
    assert SavedSearch.objects.exists()
    all_recorded()
    assert touched() >= {"recipients_suppressionentry", "recipients_suppressionlist"}
