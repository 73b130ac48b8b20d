"""Pushing events to a receiver on loopback, through the real door."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from events import following
from events.following import Position
from events.models import Alert, Event, EventSubscription
from events.pushing import steering, working
from events.pushing.working import Turn, claim
from leadops.lib import webhooks
from leadops.lib.http import Door
from tests.events.test_following import write
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """`status` is what it answers, after `delay` seconds; `got` the batches that came."""

    url: str = ""
    status: int = 200
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def batches(self) -> list[tuple[str, list[str]]]:
        """Each batch's webhook-id and events."""
        found = []
        for headers, body in self.got:
            webhooks.verify([SECRET], headers, body, now=time.time())
            events = json.loads(body)["data"]["events"]
            found.append((headers["webhook-id"], [event["id"] for event in events]))
        return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(found.delay)
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/events"
    yield found
    server.shutdown()
    server.server_close()


def subscribe(receiver: Receiver, **fields: Any) -> EventSubscription:
    given = {"url": receiver.url, "secret": SECRET, "batch_size": 3, "batch_age": 0.0, **fields}
    subscription = EventSubscription(slug="warehouse", tx=0, **given)
    subscription.full_clean()
    subscription.save()
    return subscription


def turn(*, door: Door | None = None) -> int:
    """One look of a worker; how many subscriptions were due."""
    EventSubscription.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    found = claim("worker", 5)
    for one in found:
        own = door or Door(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=1)
        Turn(one, "worker", own).work(stopping=threading.Event())
    return len(found)


def test_batches_come_signed_in_order_and_each_once(receiver: Receiver) -> None:
    subscription = subscribe(receiver)
    written = [write()[0] for _ in range(7)]
    turn()
    turn()
    batches = receiver.batches()
    assert [len(events) for _, events in batches] == [3, 3, 1]
    assert [event for _, events in batches for event in events] == written
    assert len({id for id, _ in batches}) == 3
    subscription.refresh_from_db()
    assert subscription.delivered == 7
    assert not Event.objects.exclude(id__in=written).exists(), "a delivery is no event"


def test_only_what_is_chosen_comes(receiver: Receiver) -> None:
    abc = make_recipient("abc-insurance")
    subscribe(receiver, recipients=["abc-insurance"], types=["config.*"])
    wanted = write(entity_id=abc.id)
    write(entity_id="rcp_other")
    turn()
    assert [events for _, events in receiver.batches()] == [wanted]


def test_what_it_does_not_want_is_looked_at_once(receiver: Receiver) -> None:
    abc = make_recipient("abc-insurance")
    subscription = subscribe(receiver, recipients=["abc-insurance"])
    write(entity_id="rcp_other")
    turn()
    subscription.refresh_from_db()
    at = Position(subscription.tx or 0, subscription.after)
    assert following.lag(at).events == 0
    wanted = write(entity_id=abc.id)
    turn()
    assert [events for _, events in receiver.batches()] == [wanted]


def test_one_whose_flow_is_gone_gets_nothing_rather_than_all(receiver: Receiver) -> None:
    subscribe(receiver, flows=["gone"])
    write()
    turn()
    assert receiver.got == []


def test_a_batch_that_is_not_full_waits_for_its_age(receiver: Receiver) -> None:
    subscribe(receiver, batch_age=3600.0)
    write(), write()
    turn()
    assert receiver.got == []
    write()
    turn()
    assert len(receiver.got) == 1


def test_a_refused_batch_comes_again_as_the_same(receiver: Receiver) -> None:
    subscription = subscribe(receiver)
    receiver.status = 500
    first = [write()[0] for _ in range(2)]
    turn()
    later = write()
    receiver.status = 302  # no success either
    turn()
    subscription.refresh_from_db()
    assert (subscription.failures, subscription.delivered) == (2, 0)
    assert "302" in subscription.failed_reason
    assert subscription.due_at > timezone.now()
    receiver.status = 200
    turn()
    batches = receiver.batches()
    assert [events for _, events in batches] == [first, first, first, later]
    assert len({id for id, _ in batches[:3]}) == 1
    assert len({body for _, body in receiver.got[:3]}) == 1
    subscription.refresh_from_db()
    assert (subscription.failures, subscription.failing_since) == (0, None)


def test_a_killed_worker_s_batch_is_sent_by_the_next_as_the_same(receiver: Receiver) -> None:
    """Killed between the receiver's yes and the note of it: the batch repeats, with its id."""
    subscribe(receiver)
    written = [write()[0] for _ in range(2)]

    class Killed(Door):
        def send(self, request: Any) -> Any:
            super().send(request)
            raise KeyboardInterrupt

    door = Killed(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=1)
    with pytest.raises(KeyboardInterrupt):
        turn(door=door)
    turn()
    (one, events), (other, again) = receiver.batches()
    assert one == other
    assert events == again == written


def test_it_is_one_worker_s_at_a_time(receiver: Receiver) -> None:
    subscribe(receiver)
    assert len(claim("one", 5)) == 1
    assert claim("other", 5) == []


def test_a_rewind_gives_it_all_again_and_a_slow_worker_cannot_undo_it(receiver: Receiver) -> None:
    subscription = subscribe(receiver)
    written = [write()[0] for _ in range(2)]
    turn()
    steering.rewind(subscription, following.START, by="olga", reason="their disk broke")
    stale = Turn(subscription.id, "worker", Door())
    assert not stale._change(working.TAKEN, tx=99, after="", events=0)
    turn()
    ids = [event for _, events in receiver.batches() for event in events]
    assert ids[2:4] == written
    assert Event.objects.get(type="subscription.rewound").reason == "their disk broke"


def test_gone_pauses_it_with_an_alert_and_resuming_goes_on(receiver: Receiver) -> None:
    subscription = subscribe(receiver)
    receiver.status = 410
    written = write()
    turn()
    subscription.refresh_from_db()
    assert "410" in subscription.paused_reason
    assert Alert.objects.get(resolved_at=None).text.startswith("Subscription warehouse is paused")
    assert turn() == 0
    receiver.status = 200
    steering.resume(subscription, by="olga")
    turn()
    assert receiver.batches()[1][1] == written
    assert not Alert.objects.filter(resolved_at=None).exists()
    kinds = set(Event.objects.values_list("type", flat=True))
    assert {"subscription.paused", "subscription.resumed", "alert.raised"} <= kinds


def test_nothing_but_failures_for_days_pauses_it(receiver: Receiver) -> None:
    subscription = subscribe(receiver)
    receiver.status = 500
    write()
    turn()
    EventSubscription.objects.update(failing_since=timezone.now() - timedelta(hours=73))
    turn()
    subscription.refresh_from_db()
    assert subscription.paused_at is not None


def test_a_receiver_that_asks_for_time_gets_it(receiver: Receiver) -> None:
    subscription = subscribe(receiver)
    receiver.status, receiver.headers = 429, {"Retry-After": "1200"}
    write()
    turn()
    subscription.refresh_from_db()
    wait = (subscription.due_at - timezone.now()).total_seconds()
    assert 1000 < wait <= 1200


def test_an_address_inside_is_refused_by_the_door(receiver: Receiver) -> None:
    subscription = subscribe(receiver)
    write()
    turn(door=Door(pool_size=1))
    subscription.refresh_from_db()
    assert receiver.got == []
    assert subscription.failures == 1
    assert subscription.failed_reason


def test_one_that_hangs_keeps_no_other_waiting(receiver: Receiver) -> None:
    """The real loop, with its threads; the one that hangs takes connections and says nothing."""
    subscribe(receiver)
    written = write()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = EventSubscription.objects.create(
            slug="hanging",
            url=f"http://127.0.0.1:{silent.getsockname()[1]}/",
            secret=SECRET,
            tx=0,
            batch_age=0.0,
            timeout=2.0,
        )
        pushes = working.Pushes()
        pushes.start()
        try:
            _wait(lambda: receiver.got)
            _wait(lambda: EventSubscription.objects.get(pk=hanging.pk).failures)
        finally:
            pushes.stop(10)
            gc.collect()  # the connections of its threads
    assert receiver.batches()[0][1] == written


def _wait(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
