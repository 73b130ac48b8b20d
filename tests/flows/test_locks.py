"""Everybody at once, on connections of their own: nobody waits in a circle, nothing is counted
twice, and figures are exact at every moment."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from django.db import connection

from events import rollups, verify
from events.feedback.process import take as take_feedback
from events.feedback.reading import Statement
from events.models import Delivery, Lead
from flows import plans
from flows.byhand import by_hand, retrying, steering
from flows.models import Flow, Work
from recipients.models import Endpoint, Recipient, RetryRule
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 4.0
LIMIT = 60.0  # on a machine with other work, until something has come of it
ANSWERS = [*[Outcome.ACCEPTED] * 4, Outcome.REJECTED, Outcome.SERVER_ERROR, Outcome.RATE_LIMITED]
ANSWERS += [Outcome.UNAUTHORIZED]
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Crowd:
    """Threads that do one thing over and over; what they raise is kept."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.raised: list[BaseException] = []
        self.threads: list[threading.Thread] = []

    def add(self, act: Callable[[Random], None], seed: int) -> None:
        thread = threading.Thread(target=self._run, args=(act, Random(seed)))
        self.threads.append(thread)
        thread.start()

    def _run(self, act: Callable[[Random], None], random: Random) -> None:
        try:
            while not self.end.is_set():
                act(random)
        except BaseException as error:
            self.raised.append(error)
            self.end.set()
        finally:
            connection.close()

    def work_until(self, enough: Callable[[], bool]) -> None:
        """For some seconds, and on until it was enough."""
        started = time.monotonic()
        self.end.wait(SECONDS)
        while not self.end.wait(0.1) and not enough():
            if time.monotonic() - started > LIMIT:
                break
        self.end.set()
        for thread in self.threads:
            thread.join(30)
        assert self.raised == []


def poster(play: Scene) -> Callable[[Random], None]:
    """Posts few different values in crossing combinations, with keys that repeat."""

    def post(random: Random) -> None:
        play.post(
            email=f"p{random.randrange(40)}@example.com",
            phone_1=f"55555512{random.randrange(10, 50)}",
            key=f"k{random.randrange(3000)}",
        )

    return post


def pump(play: Scene) -> Callable[[Random], None]:
    own = replace(play, lease=str(uuid.uuid4()))

    def turn(random: Random) -> None:
        starts = own.start()
        results = [(each, attempt(random.choice(ANSWERS), reason="x")) for each in starts]
        own.take(own.claim(), results)

    return turn


def buyer(random: Random) -> None:
    one = Recipient.objects.order_by("?").first()
    leads = Delivery.objects.filter(recipient=one, state="accepted").order_by("?")[:5]
    said = [
        Statement(kind=random.choice(["return", "conversion"]), by="lead_id", target=each.lead_id)
        for each in leads
    ]
    if said:
        take_feedback(one, said)


def staff(random: Random) -> None:
    one = Recipient.objects.order_by("?").first()
    steering.pause_recipient(one, by="ann")
    steering.resume_recipient(one, by="ann")
    delivery = Delivery.objects.order_by("?").first()
    if delivery and random.random() < 0.5:
        with contextlib.suppress(by_hand.NotNow):
            retrying.retry_delivery(delivery.id, by="ann", force=random.random() < 0.3)
    steering.wake_held()
    for endpoint in Endpoint.objects.filter(paused_at__isnull=False):
        steering.resume_endpoint(endpoint, by="ann")
    for endpoint in Endpoint.objects.filter(not_before__isnull=False):  # not all of them locked
        Endpoint.objects.filter(pk=endpoint.pk).update(not_before=None)


def reader(_random: Random) -> None:
    """Figures equal the record in every snapshot, while they are written and folded."""
    assert verify_figures() == []
    rollups.fold()


def verify_figures() -> list[str]:
    return [problem for check in verify.run() for problem in check.problems]


def _done() -> int:
    return Lead.objects.filter(status="done").count()


def test_nobody_waits_in_a_circle():
    play = scene(recipient("a"), recipient("b"), recipient("c"), pattern="waterfall")
    Flow.objects.update(
        duplicate_match=[["email"], ["phone_1"], ["phone_1", "email"]], duplicate_within=0.05
    )
    for one in Recipient.objects.all():
        Endpoint.objects.create(recipient=one, kind="backup", url="https://backup.example/")
        RetryRule.objects.create(recipient=one, outcome="server_error", times=0, then="fail")
    plans.changed()
    with connection.cursor() as cursor:
        cursor.execute(DEADLOCKS)
        before = cursor.fetchone()[0]
    crowd = Crowd()
    for seed, act in enumerate(
        [*[poster(play)] * 3, pump(play), pump(play), pump(play), buyer, staff, reader]
    ):
        crowd.add(act, seed)
    crowd.work_until(lambda: _done() > 20)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(DEADLOCKS)
        assert cursor.fetchone()[0] == before
    assert _done() > 20
    assert verify_figures() == []
    working = Lead.objects.filter(status="working").values_list("id", flat=True)
    assert set(working) <= set(Work.objects.values_list("lead_id", flat=True))
