"""Feedback told to the lead's source: a server on loopback, through the real door."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from events import verify
from events.models import Alert, Exchange, FeedbackLine, PassedFeedback
from events.passing import steering, wording, working
from events.privacy import erasing, finding
from flows.models import Source
from leadops.lib.http import Door, Reply, Request
from tests.events.passing.stage import Receiver, Sold, run

pytestmark = pytest.mark.django_db(transaction=True)


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
    assert steering.send_again([row.id], by="olga") == 1
    assert steering.send_again([row.id], by="olga") == 0
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
    monkeypatch.setattr(wording, "TIMEOUT", 2.0)
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
