"""What goes wrong: retries by the kind of error, fallbacks, breakers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection

from events.models import Alert, Delivery, Event
from flows.delivery import endpoints
from recipients.models import Breaker
from tests.examples.stage import Stage, Story
from tests.leadops.http.servers import free_port
from tests.recipients.transports.mail_servers import mail_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    endpoints._at_rest.clear()


def alerts() -> list[str]:
    return list(Alert.objects.filter(resolved_at=None).values_list("text", flat=True))


# --- retries


def test_a_buyer_that_does_not_answer_gets_longer_each_time(stage: Stage) -> None:
    stage.load("smart-retry-logic", ("their-buyer/accept", "their-buyer/hang"), ("2s", "400ms"))
    story = stage.run()
    assert story.waits() == [1, 2, 4]
    took = [event.duration_ms or 0 for event in story.events("recipient.error")]
    # 400 ms, and half as much again each time: no try was given up much earlier.
    assert all(ms > 0.9 * least for ms, least in zip(took, (400, 600, 900, 1350), strict=True))
    assert (story.delivery.outcome, story.delivery.attempts) == ("unknown", 4)
    assert len({entry["idempotency_key"] for entry in stage.log()}) == 1


def test_a_buyer_that_cannot_be_reached_is_tried_at_the_same_pace(stage: Stage) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/leads"
    stage.load("smart-retry-logic", ("http://127.0.0.1:9100/b/their-buyer/accept", nowhere))
    story = stage.run()
    assert story.waits() == [1, 2, 4]
    assert (story.delivery.outcome, story.delivery.state) == ("unavailable", "failed")


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("3600", 300), ("", 30)])
def test_a_rate_limit_waits_as_long_as_it_says(stage: Stage, asked: str, waited: int) -> None:
    stage.load("smart-retry-logic", ("their-buyer/accept", f"their-buyer/ratelimit?after={asked}"))
    story = stage.post()
    stage.once()
    assert story.waits() == [waited]
    assert story.delivery.state == "waiting"


def test_a_rate_limit_holds_the_buyers_other_leads_as_well(stage: Stage) -> None:
    stage.load("smart-retry-logic", ("their-buyer/accept", "their-buyer/ratelimit?after=60"))
    stage.post()
    stage.once()
    other = stage.post(email="jane@example.com")
    assert stage.once() == 0
    assert (other.delivery.state, other.delivery.attempts) == ("waiting", 0)


def test_a_servers_error_is_tried_three_times_more_and_then_alarms(stage: Stage) -> None:
    stage.load("smart-retry-logic", ("their-buyer/accept", "their-buyer/error?status=503"))
    story = stage.run()
    assert story.waits() == [1, 2, 4]
    assert (story.delivery.outcome, story.delivery.state) == ("server_error", "failed")
    assert len(stage.log()) == 4
    assert alerts() == [
        "Their Buyer: all 4 tries at the production endpoint failed: Internal error"
    ]


def test_a_retry_that_succeeds_alarms_nobody(stage: Stage) -> None:
    stage.load("smart-retry-logic", ("their-buyer/accept", "their-buyer/flaky?fail=2"))
    story = stage.run()
    assert (story.delivery.state, story.delivery.attempts) == ("accepted", 3)
    assert story.waits() == [1, 2]
    assert alerts() == []


@pytest.mark.parametrize(
    ("answer", "outcome", "alarmed"),
    [("invalid", "invalid", 0), ("unauthorized", "unauthorized", 1), ("duplicate", "duplicate", 0)],
)
def test_the_fault_of_the_request_is_not_repeated(
    stage: Stage, answer: str, outcome: str, alarmed: int
) -> None:
    stage.load("smart-retry-logic", ("their-buyer/accept", f"their-buyer/{answer}"))
    story = stage.run()
    assert (story.delivery.outcome, story.delivery.attempts) == (outcome, 1)
    assert story.waits() == []
    assert len(alerts()) == alarmed


# --- fallbacks


def ways(story: Story) -> list[str]:
    kinds = ["recipient.error", "recipient.delivered"]
    events = Event.objects.filter(lead_id=story.lead_id, type__in=kinds).order_by("seq")
    return [event.data["metadata"]["endpoint"] for event in events]


def test_the_backup_takes_what_production_does_not(stage: Stage) -> None:
    stage.load("primary-to-secondary")
    story = stage.run()
    assert ways(story) == ["production", "production", "backup"]
    assert (story.delivery.state, story.delivery.revenue) == ("accepted", Decimal("45.00"))


def test_what_neither_takes_waits_for_a_person(stage: Stage) -> None:
    stage.load("primary-to-secondary", ("backup/accept", "backup/error"))
    story = stage.run()
    assert ways(story) == ["production", "production", "backup", "backup"]
    assert (story.delivery.state, story.lead.status) == ("review", "review")


def test_the_buyers_own_format_is_left_for_a_webhook(stage: Stage) -> None:
    stage.load("format-degradation")
    story = stage.run()
    assert ways(story) == ["production", "fallback"]
    (entry,) = stage.log("webhook")
    assert entry["idempotency_key"] == story.delivery.id
    assert stage.body("webhook") == stage.body("custom-json")
    assert story.delivery.revenue == Decimal("45.00")


def test_the_webhook_is_left_for_an_e_mail(stage: Stage) -> None:
    with mail_server() as mailbox:
        stage.load(
            "format-degradation", ("webhook/accept", "webhook/error"), ("2525", str(mailbox.port))
        )
        story = stage.run()
    assert ways(story) == ["production", "fallback", "fallback-2"]
    (message,) = mailbox.messages
    assert message["To"] == "leads@primarybuyer.example"
    assert message["Subject"] == "Lead from Web Form A: John Smith"
    (attached,) = message.iter_attachments()
    assert "john.smith@example.com" in attached.get_content()
    assert (story.delivery.state, story.lead.result) == ("accepted", "sold")
    assert story.delivery.revenue == Decimal("45.00")  # the server says no price: the configured


# --- breaker


def breaker() -> Breaker:
    return Breaker.objects.get(endpoint__kind="production")


def moments(kind: str) -> list[Event]:
    return list(Event.objects.filter(type=f"breaker.{kind}").order_by("id"))


def five_minutes_pass() -> None:
    """What the breaker waits for, and the deliveries that wait for it, are due."""
    Breaker.objects.update(until="2020-01-01T00:00Z")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s' WHERE lease IS NULL"
        )


def wave(stage: Stage, first: int, *, good: int, bad: int) -> None:
    """So many leads that the buyer takes and so many that it fails on, at once."""
    for number in range(good + bad):
        score = "90" if number < good else "10"
        stage.post(email=f"lead{first + number}@example.com", score=score)
    stage.once()


def test_the_breaker_opens_above_half_of_a_hundred_and_tries_again_after_five_minutes(
    stage: Stage,
) -> None:
    stage.load("circuit-breaker")
    wave(stage, 0, good=50, bad=50)
    assert moments("opened") == []  # half is not more than half
    wave(stage, 100, good=0, bad=1)
    (opened,) = moments("opened")
    assert (opened.data["failed"], opened.data["wait_seconds"]) == (51, 300.0)
    assert len(alerts()) == 2  # the breaker; and that a server failed

    wave(stage, 200, good=3, bad=0)
    assert len(stage.log()) == 101
    waiting = Delivery.objects.filter(state="waiting")
    assert {each.waits_for for each in waiting} == {"Breaker open: Their Buyer (production)"}

    five_minutes_pass()
    probe = stage.scene.start()
    assert len(probe) == 1  # one test request
    stage.scene.take((), [(probe[0], stage.send(probe[0]))])
    assert breaker().state == "ramping"
    for _ in range(6):
        five_minutes_pass()
        stage.once()
    assert Delivery.objects.filter(state="waiting").count() == 0
    wave(stage, 300, good=12, bad=0)
    for _ in range(6):
        five_minutes_pass()
        stage.once()
    assert breaker().state == "closed"
    assert len(moments("closed")) == 1


def test_a_failed_test_request_waits_longer(stage: Stage) -> None:
    stage.load("circuit-breaker")
    wave(stage, 0, good=49, bad=51)
    wave(stage, 100, good=0, bad=1)
    five_minutes_pass()
    stage.once()
    assert [event.data["wait_seconds"] for event in moments("opened")] == [300.0, 600.0]
