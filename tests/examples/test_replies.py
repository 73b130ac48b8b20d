"""What comes back: replies in JSON, XML and words, and what confirms a delivery."""

from __future__ import annotations

from decimal import Decimal

import pytest

from events.models import Alert
from recipients.models import Endpoint
from tests.examples.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)


def test_json_is_read_as_the_guide_says(stage: Stage) -> None:
    stage.load("json-response")
    story = stage.run()
    assert story.delivery.revenue == Decimal("45.00")
    assert story.delivery.buyer_lead_id.startswith("ABC")
    parsed = story.event("recipient.delivered").data["response"]["parsed"]
    assert parsed["buyer_lead_id"] == story.delivery.buyer_lead_id
    assert parsed["message"] == "Lead accepted"


def test_xml_is_read_as_the_guide_says(stage: Stage) -> None:
    stage.load("xml-response")
    story = stage.run()
    assert story.delivery.state == "accepted"
    assert story.delivery.revenue == Decimal("45.00")
    assert story.delivery.buyer_lead_id.isdigit()


@pytest.mark.parametrize(
    ("example", "other"),
    [
        ("json-response", ("/success?price=45.00", "/reject?reason=No+room")),
        ("xml-response", ("/accept.xml?price=45.00", "/reject.xml?reason=No+room")),
    ],
)
def test_another_word_than_success_is_a_no(
    stage: Stage, example: str, other: tuple[str, str]
) -> None:
    stage.load(example, other)
    story = stage.run()
    assert (story.delivery.state, story.delivery.outcome) == ("declined", "rejected")
    assert story.lead.revenue == 0


# What the buyer does → outcome, state, revenue, attempts.
LOGIC = {
    "accept.txt": ("accepted", "accepted", 45, 1),
    "duplicate200": ("duplicate", "declined", 0, 1),
    "invalid?field=phone": ("invalid", "declined", 0, 1),
    "unauthorized": ("unauthorized", "failed", 0, 1),
    "ratelimit?after=1": ("rate_limited", "failed", 0, 6),
    "error": ("server_error", "failed", 0, 4),
}


@pytest.mark.parametrize("answer", LOGIC)
def test_custom_logic_decides_by_status_and_words(stage: Stage, answer: str) -> None:
    stage.load("custom-logic", ("accept.txt", answer))
    story = stage.run()
    made = story.delivery
    assert (made.outcome, made.state, made.revenue, made.attempts) == LOGIC[answer]


def test_the_buyers_message_says_what_is_invalid(stage: Stage) -> None:
    stage.load("custom-logic", ("accept.txt", "invalid?field=phone"))
    failed = stage.run().event("recipient.failed")
    assert failed.reason == "Missing field: phone"


def test_refused_credentials_pause_the_delivery(stage: Stage) -> None:
    stage.load("custom-logic", ("accept.txt", "unauthorized"))
    stage.run()
    endpoint = Endpoint.objects.get()
    assert endpoint.paused_at is not None
    assert Alert.objects.filter(resolved_at=None).count() == 1
    waiting = stage.post(email="jane@example.com")
    assert stage.once() == 0
    assert waiting.delivery.state == "waiting"
    assert len(stage.log()) == 1


def test_what_is_confirmed_has_all_four(stage: Stage) -> None:
    stage.load("acknowledgment")
    story = stage.run()
    event = story.event("recipient.delivered")
    assert event.data["response"]["status_code"] == 200
    assert event.data["response"]["parsed"]["acceptance"]
    assert story.delivery.buyer_lead_id == event.data["response"]["parsed"]["buyer_lead_id"] != ""
    assert story.lead.revenue == Decimal("45.00")


UNCONFIRMED = {
    "another status": "accept?status=202",
    "not to be read": "garbage?in=body",
    "nothing in it": "empty",
    "no lead id": "reply?body={%22status%22:%22accepted%22,%22price%22:45.00}",
    "no price": "reply?body={%22status%22:%22accepted%22,%22leadId%22:%22ABC123%22}",
}


@pytest.mark.parametrize("lacking", UNCONFIRMED)
def test_what_is_not_confirmed_waits_for_a_person(stage: Stage, lacking: str) -> None:
    stage.load("acknowledgment", ("their-buyer/accept", f"their-buyer/{UNCONFIRMED[lacking]}"))
    story = stage.run()
    assert (story.delivery.outcome, story.delivery.state) == ("unreadable", "review")
    assert (story.lead.status, story.lead.revenue) == ("review", 0)
