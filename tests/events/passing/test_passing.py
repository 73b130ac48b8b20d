"""Feedback told to the lead's source: a server on loopback, through the real door."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from events import verify
from events.feedback.process import take
from events.feedback.reading import Statement
from events.models import Alert, Event, Exchange, FeedbackLine, PassedFeedback
from events.passing import posting, steering, working
from events.privacy import erasing, finding
from flows.models import FlowField, Source
from leadops.lib import webhooks
from leadops.lib.http import Door, Reply, Request
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """`status` is what it answers, after `delay` seconds; `got` the posts that came."""

    url: str = ""
    status: int = 200
    delay: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def messages(self) -> list[tuple[str, dict[str, Any]]]:
        """Each post's webhook-id and body, its signature verified."""
        for headers, body in self.got:
            webhooks.verify([SECRET], headers, body, now=time.time())
        return [(headers["webhook-id"], json.loads(body)) for headers, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(found.delay)
            self.send_response(found.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/feedback?token=hidden-here"
    yield found
    server.shutdown()
    server.server_close()


@dataclass
class Sold:
    """A lead that `abc` bought, of a source that wants to know what becomes of it."""

    play: Scene
    buyer: Recipient
    source: Source
    lead_id: str

    def say(self, kind: str = "conversion", **rest: Any) -> str:
        """What the buyer says; the feedback's id."""
        (answer,) = take(self.buyer, [Statement(kind, "lead_id", self.lead_id, **rest)])
        return answer.id

    def types(self) -> list[str]:
        rows = Event.objects.filter(lead_id=self.lead_id, type__startswith="feedback.")
        return [event.type.partition(".")[2] for event in rows.order_by("seq")]

    def last(self) -> Event:
        return Event.objects.filter(lead_id=self.lead_id).latest("seq")


@pytest.fixture
def sold(receiver: Receiver) -> Sold:
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[attempt(Outcome.ACCEPTED, buyer_lead_id="B-1", price=Decimal("45.50"))])
    FlowField.objects.filter(name="email").update(privacy="personal")
    source = play.source
    source.feedback_url, source.feedback_secret = receiver.url, SECRET
    source.feedback_kinds = ["conversion", "return"]
    source.feedback_fields = ["state", "email"]
    source.full_clean()
    source.save()
    buyer = Recipient.objects.get(slug="abc")
    return Sold(play, buyer, source, answer.lead_id)


def run() -> int:
    """One run of the task, everything due that waits for another try."""
    past = timezone.now() - timedelta(seconds=1)
    FeedbackLine.objects.update(due_at=past)
    PassedFeedback.objects.filter(state="waiting").update(due_at=past)
    return working.run(seconds=10.0)


def turn(sold: Sold, door: Door, *, lease: str = "one") -> None:
    past = timezone.now() - timedelta(seconds=1)
    FeedbackLine.objects.update(due_at=past)
    PassedFeedback.objects.filter(state="waiting").update(due_at=past)
    assert working.claim(lease, 1) == [sold.source.id]
    with ThreadPoolExecutor(2) as posts:
        working.Turn(sold.source.id, lease, door, posts).work()


def agrees() -> bool:
    return not verify.feedback().problems and not verify.passed_on().problems


def test_it_tells_the_source_signed_and_nothing_that_it_may_not_know(
    sold: Sold, receiver: Receiver
) -> None:
    sold.say("conversion", value="1250.00", reason="John Smith paid", key="K-1")
    sold.say("contacted")  # not wanted
    assert agrees()
    assert run() == 1
    ((id, body),) = receiver.messages()
    row = PassedFeedback.objects.get()
    assert (id, row.state) == (row.id, "sent")
    said = body["data"]
    assert body["type"] == "feedback.conversion"
    assert (said["lead_id"], said["value"], said["flow"]) == (sold.lead_id, "1250.00", "auto")
    assert said["reason"] is None, "free text may say anything of anybody"
    assert said["fields"] == {"state": "TX"}, "an e-mail is personal"
    text = json.dumps(body).lower()
    assert not [word for word in ("abc", "45.5", "smith", "example.com") if word in text]
    assert sold.types() == ["received", "processed", "received", "processed", "sent"]
    assert agrees()


def test_the_record_shows_the_request_and_the_reply_without_secrets(
    sold: Sold, receiver: Receiver
) -> None:
    sold.say("return", reason="Wrong number")
    run()
    event = sold.last()
    assert (event.type, event.entity_id) == ("feedback.sent", sold.source.id)
    assert event.data["attempts"] == 1
    kept = Exchange.objects.get(id=event.exchange_id)
    assert (kept.status, kept.reply_body) == (200, "ok")
    assert json.loads(kept.request_body)["data"]["reason"] == "Wrong number"
    assert "hidden-here" not in kept.url


def test_an_answer_that_is_no_success_is_tried_again_as_the_same_message(
    sold: Sold, receiver: Receiver
) -> None:
    sold.say()
    receiver.status = 500
    assert run() == 0
    row = PassedFeedback.objects.get()
    assert (row.state, row.tries, row.error) == ("waiting", 1, "Answered 500")
    assert row.due_at > timezone.now() - timedelta(seconds=1)
    line = FeedbackLine.objects.get()
    assert (line.failures, line.failed_reason) == (1, "Answered 500")
    receiver.status = 204
    assert run() == 1
    first, second = receiver.messages()
    assert first == second
    assert sold.types() == ["received", "processed", "sent"]
    line.refresh_from_db()
    assert (line.failures, line.delivered) == (0, 1)


def test_after_a_day_it_is_given_up_and_shown_and_can_be_sent_again(
    sold: Sold, receiver: Receiver
) -> None:
    receiver.status = 422
    sold.say()
    run()
    PassedFeedback.objects.update(failing_since=timezone.now() - timedelta(hours=25))
    run()
    row = PassedFeedback.objects.get()
    assert (row.state, row.error) == ("failed", "Answered 422")
    assert sold.types() == ["received", "processed", "failed"]
    assert Exchange.objects.get(id=sold.last().exchange_id).status == 422
    assert agrees()
    receiver.status = 200
    assert steering.send_again([row.id]) == 1
    assert steering.send_again([row.id]) == 0
    assert agrees()
    run()
    assert sold.types()[-2:] == ["failed", "sent"]
    assert len({id for id, _ in receiver.messages()}) == 1
    assert agrees()


def test_what_waits_on_a_source_that_is_down_for_a_day_ends_with_it(
    sold: Sold, receiver: Receiver
) -> None:
    receiver.status = 503
    sold.source.feedback_kinds = ["conversion"]
    for key in range(10):
        sold.say(key=f"K-{key}")
    run()
    ago = timezone.now() - timedelta(hours=25)
    FeedbackLine.objects.update(failing_since=ago)
    PassedFeedback.objects.update(created_at=ago)
    run()
    assert set(PassedFeedback.objects.values_list("state", flat=True)) == {"failed"}
    assert sold.types().count("failed") == 10
    assert len(receiver.got) < 20, "not each one had to be tried"
    assert agrees()


def test_gone_pauses_the_source_with_an_alert_until_somebody_resumes_it(
    sold: Sold, receiver: Receiver
) -> None:
    receiver.status = 410
    sold.say()
    run()
    assert sold.types()[-1] == "failed"
    assert FeedbackLine.objects.get().paused_reason == "Answered 410"
    assert Alert.objects.filter(resolved_at=None).count() == 1
    receiver.status = 200
    sold.say("return")
    run()
    assert len(receiver.got) == 1, "it gets nothing while it is paused"
    assert agrees()
    assert steering.resume(sold.source, by="olga")
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert run() == 1


def test_a_private_address_is_refused_by_the_door(sold: Sold, receiver: Receiver) -> None:
    sold.say()
    turn(sold, Door(pool_size=1))
    assert receiver.got == []
    assert PassedFeedback.objects.get().error
    assert FeedbackLine.objects.get().failures == 1


def test_a_worker_killed_after_sending_leaves_the_same_message_to_the_next(
    sold: Sold, receiver: Receiver
) -> None:
    class Killed(Door):
        def send(self, request: Request) -> Reply:
            super().send(request)
            raise KeyboardInterrupt

    networks = settings.LEADOPS_PRIVATE_NETWORKS
    sold.say()
    with pytest.raises(KeyboardInterrupt):
        turn(sold, Killed(private_networks=networks, pool_size=1))
    assert PassedFeedback.objects.get().state == "waiting"
    assert working.claim("two", 1) == [], "until its lease runs out"
    assert run() == 1
    first, second = receiver.messages()
    assert first == second
    assert sold.types() == ["received", "processed", "sent"]


def test_one_that_lost_its_lease_settles_nothing(sold: Sold, receiver: Receiver) -> None:
    class Slow(Door):
        def send(self, request: Request) -> Reply:
            FeedbackLine.objects.update(lease="two")
            connection.close()
            return super().send(request)

    sold.say()
    turn(sold, Slow(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=1))
    assert sold.types() == ["received", "processed"]


def test_two_workers_tell_everything_once(sold: Sold, receiver: Receiver) -> None:
    receiver.delay = 0.05
    for key in range(20):
        sold.say(key=f"K-{key}")
    with ThreadPoolExecutor(2) as two:
        done = list(two.map(lambda _: working.run(seconds=30.0), range(2)))
    ids = [id for id, _ in receiver.messages()]
    assert (sum(done), len(ids), len(set(ids))) == (20, 20, 20)
    assert sold.types().count("sent") == 20
    assert agrees()


def test_one_that_hangs_keeps_no_other_waiting(
    sold: Sold, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TIMEOUT", 2.0)
    sold.say()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        other = Source.objects.create(
            slug="hanging",
            name="Hanging",
            feedback_kinds=["conversion"],
            feedback_url=f"http://127.0.0.1:{silent.getsockname()[1]}/",
        )
        FeedbackLine.objects.create(source=other)
        PassedFeedback.objects.update(source=other)
        sold.say(key="K-2")
        assert run() == 1
    stuck, told = PassedFeedback.objects.order_by("created_at")
    assert (stuck.state, told.state) == ("waiting", "sent")


def test_of_an_erased_lead_nothing_personal_is_told(sold: Sold, receiver: Receiver) -> None:
    sold.say(value="1250.00", reason="Wrong number")
    erasing.erase(finding.person("email", "ann@example.com"), by="ada", reason="Asked by mail")
    run()
    ((_, body),) = receiver.messages()
    assert body["data"]["lead_id"] == sold.lead_id
    assert (body["data"]["value"], body["data"]["fields"]) == (None, {})
    assert sold.last().exchange_id == ""


def test_a_source_without_a_secret_gets_it_unsigned_and_a_bad_one_is_said(
    sold: Sold, receiver: Receiver
) -> None:
    Source.objects.update(feedback_secret="${NOWHERE_TO_BE_FOUND}")
    sold.say()
    run()
    assert receiver.got == []
    assert "NOWHERE_TO_BE_FOUND" in PassedFeedback.objects.get().error
    Source.objects.update(feedback_secret="")
    run()
    assert "webhook-signature" not in receiver.got[0][0]
