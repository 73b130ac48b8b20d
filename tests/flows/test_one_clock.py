"""Many who write about one lead at once: its events are numbered without a gap, and their time,
which is the database's, does not run backwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from threading import get_ident
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, transaction

from events import leads, verify
from events.feedback.process import take
from events.feedback.reading import Statement
from events.hooks.working import Follower
from events.journal import Journal
from events.models import Delivery, Event, EventHook, Lead, RecordSettings
from events.privacy import copying, erasing, finding
from events.viewing import recording
from events.viewing.recording import Where
from events.vocabulary import EventType
from flows import plans
from flows.byhand import editing, moving, retrying
from flows.byhand.by_hand import NotNow
from flows.models import Step
from leadops.accounts.models import User
from leadops.changes import recorded
from leadops.env import PROJECT
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.factories import make_user
from tests.flows.scene import Scene, attempt, recipient, scene
from tests.flows.test_reviewing_races import together

ROUNDS, ENOUGH = 6, 30
pytestmark = pytest.mark.django_db(transaction=True)
BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"  # of the suite's own server


@pytest.fixture
def play() -> Scene:
    """A lead that abc has bought, and declined by xyz before."""
    made = scene(recipient("xyz"), recipient("abc"), pattern="waterfall")
    Recipient.objects.update(breaker_enabled=False)
    plans.changed()
    made.post()
    made.play(xyz=[attempt(Outcome.REJECTED)], abc=[attempt(Outcome.ACCEPTED)])
    return made


def say(kind: str, value: str = "") -> None:
    sale = Delivery.objects.select_related("recipient").get(state="accepted")
    take(sale.recipient, [Statement(kind, "lead_id", sale.lead_id, value=value)])


def held(write: Callable[[], object]) -> None:
    """Have `write` wait for the lead's lock while somebody else notes something about it."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            (lead,) = leads.lock(cursor, [Lead.objects.get().id]).values()
            waiting = pool.submit(_apart, write)
            _until_blocked(cursor, waiting)
            cursor.execute("SELECT clock_timestamp()")
            journal = Journal(cursor.fetchone()[0])
            journal.record(lead, EventType.LEAD_VIEWED, entity_id="user:1", by="eve")
            leads.save(cursor, [lead])
            journal.write(cursor)
        waiting.result(60)


def _apart(write: Callable[[], object]) -> None:
    try:
        write()
    finally:
        connection.close()


def _until_blocked(cursor: Any, waiting: Future[None]) -> None:
    end = monotonic() + 60
    while monotonic() < end and not waiting.done():
        cursor.execute(BLOCKED)
        if cursor.fetchone()[0]:
            return
        sleep(0.002)
    raise AssertionError(f"Nobody waits for the lead: {waiting.result(0)}")


def assert_in_order() -> None:
    for lead_id in Lead.objects.values_list("id", flat=True):
        rows = list(Event.objects.filter(lead_id=lead_id).order_by("seq"))
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        back = [(a.type, b.type) for a, b in pairwise(rows) if a.timestamp > b.timestamp]
        assert back == []
    assert verify.order().problems == []


def test_who_waited_for_a_lead_does_not_write_of_an_earlier_time(play: Scene):
    RecordSettings.objects.update_or_create(pk=1, defaults={"views_recorded": True})
    EventHook.objects.create(slug="q", name="Q", types=["lead.edited"], tag="seen", active=True)
    lead, olga, follower = Lead.objects.get(), make_user("olga"), Follower()
    follower.step()
    declined = Delivery.objects.get(state="declined")
    found = finding.person("lead_id", lead.id)
    acts = {
        "lead.edited": lambda: editing.edit(lead.id, {"state": "CA"}, by="olga"),
        "lead.tagged": follower.step,
        "feedback.processed": lambda: say("quality", "good"),
        "lead.copied": lambda: copying.record(found, by="ada", reason="Asked"),
        "lead.viewed": lambda: recording.opened(olga, lead.id, Where.CONSOLE),
        "retry.scheduled": lambda: retrying.retry_delivery(declined.id, by="o", force=True),
        "lead.moved": _mover(play),
        "retry.attempted": lambda: play.take(play.claim()),
        "lead.erased": lambda: erasing.erase(found, by="ada", reason="Asked"),
    }
    for kind, act in acts.items():
        held(act)
        assert Event.objects.filter(lead_id=lead.id, type=kind).exists(), kind
    assert_in_order()


def _mover(play: Scene) -> Callable[[], object]:
    """Moves the lead once it is under way again, to a version that lets more states through."""

    def move() -> None:
        move = moving.start(play.flow, range(1, 9), by="olga")
        assert moving.work(move.id, seconds=60.0, stopping=lambda: False)

    with recorded(play.flow, by="olga"):
        step = Step.objects.get(kind="filter")
        step.rules = {"all": [{"field": "state", "op": "in", "value": ["TX", "CA", "NY"]}]}
        step.save()
    return move


@dataclass(frozen=True)
class Hands:
    """What is done about the lead all the while."""

    play: Scene
    lead: Lead = field(default_factory=Lead.objects.get)
    olga: User = field(default_factory=lambda: make_user("olga"))

    def pump(self) -> None:
        own = Scene(self.play.flow, self.play.source)
        for _ in range(ROUNDS):
            own.hurry()
            starts = own.take(own.claim()).starts
            own.take((), [(each, attempt(Outcome.SERVER_ERROR)) for each in starts])

    def steer(self) -> None:
        declined = Delivery.objects.get(recipient__slug="xyz")
        for number in range(ROUNDS):
            with suppress(NotNow):
                editing.edit(self.lead.id, {"first_name": f"Ann {number}"}, by="olga")
            with suppress(NotNow):
                retrying.retry_delivery(declined.id, by="olga", force=True)

    def talk(self) -> None:
        for number in range(ROUNDS):
            say("quality", f"{number} of {get_ident()}")

    def look(self) -> None:
        found = finding.person("lead_id", self.lead.id)
        for _ in range(ROUNDS):
            copying.record(found, by="ada", reason="Asked")
            recording.opened(self.olga, self.lead.id, Where.CONSOLE)

    def erase(self) -> None:
        found = finding.person("lead_id", self.lead.id)
        while Event.objects.filter(lead_id=self.lead.id).count() < ENOUGH:
            sleep(0.01)
        erasing.erase(found, by="ada", reason="Asked")


def test_many_who_write_about_a_lead_at_once_leave_no_gap(play: Scene):
    hands = Hands(play)
    together(*[hands.pump, hands.steer, hands.talk] * 2, hands.look, hands.erase)
    play.expire()
    play.take(play.claim())
    lead = Lead.objects.get()
    assert (lead.salt, lead.status) == (None, "done")
    assert lead.seq > ENOUGH
    assert_in_order()
    assert [problem for check in verify.run() for problem in check.problems] == []


def test_every_journal_is_of_the_databases_clock():
    """Whoever makes one gives it what a statement read; benchmarks and past traffic apart."""
    own_clock = re.compile(r"Journal\([^)]*(?:datetime|timezone|time)\.")
    made = [
        path
        for app in ("events", "flows", "recipients")
        for path in (PROJECT / app).rglob("*.py")
        if own_clock.search(path.read_text())
    ]
    assert made == []
