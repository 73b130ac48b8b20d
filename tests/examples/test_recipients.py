"""Every kind of recipient of the guide to recipient steps, over real HTTP."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import parse_qs

import pytest

from tests.examples.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLES = [
    "abc-insurance-buyers",
    "salesforce-production",
    "five9-dialer",
    "five9-list",
    "hubspot-marketing",
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_delivers_each_example(stage: Stage, example: str) -> None:
    stage.load(example)
    story = stage.run()
    assert story.delivery.state == "accepted"
    assert story.delivery.buyer_lead_id or example == "five9-list"  # which gives none
    assert story.event("recipient.delivered").outcome == "accepted"


def test_the_buyer_is_sent_what_its_page_says(stage: Stage) -> None:
    stage.load("abc-insurance-buyers")
    story = stage.run()
    assert stage.body() == {
        "firstName": "John",
        "lastName": "Smith",
        "phoneNumber": "5125551234",
        "stateCode": "TX",
    }
    assert stage.received()["authorization"] == "Bearer abc-t0ken-of-the-example"
    assert story.delivery.revenue == Decimal("45.00")


def test_salesforce_is_signed_in_to_once(stage: Stage) -> None:
    stage.load("salesforce-production")
    stage.run()
    stage.run(email="jane@example.com", phone_1="(512) 555-9876")
    token, first, second = stage.log()
    assert token["path"].endswith("/services/oauth2/token")
    assert json.loads(first["body"])["LeadSource"] == "Web Form A"
    assert json.loads(first["body"])["Lead_Score__c"] == 85
    assert first["headers"]["Authorization"] == second["headers"]["Authorization"]


def test_salesforce_knows_a_lead_again(stage: Stage) -> None:
    stage.load("salesforce-production")
    stage.run()
    story = stage.run()
    event = story.event("recipient.failed")
    assert (story.delivery.state, event.outcome) == ("declined", "duplicate")
    assert event.reason == "Use one of these records?"


def test_the_dialer_has_its_campaign_in_the_address(stage: Stage) -> None:
    stage.load("five9-dialer")
    stage.run()
    (entry,) = stage.log()
    assert entry["path"].endswith("five9-auto-east/accept")
    body = stage.body()
    assert (body["priority"], body["call_window"]) == ("1", "9am-8pm")
    assert body["timezone"] == "America/Chicago"


def test_five9_gets_the_record_on_its_list(stage: Stage) -> None:
    stage.load("five9-list")
    stage.run()
    (entry,) = stage.log()
    form = parse_qs(entry["body"])
    assert (form["F9list"], form["number1"]) == (["New Leads TX"], ["5125551234"])
    assert form["F9key"] == ["account_number"]


def test_hubspot_puts_the_contact_on_its_list(stage: Stage) -> None:
    stage.load("hubspot-marketing")
    story = stage.run()
    steps = [entry["path"].partition("/hubspot")[2] for entry in stage.log()]
    assert steps[0] == "/crm/v3/objects/contacts/batch/upsert"
    assert steps[1].endswith("/name/New Leads - Auto")
    assert steps[-1].endswith("/enrollments/contacts/john.smith@example.com")
    assert story.delivery.revenue == 0  # one's own system buys nothing


def test_hubspot_is_tried_again_when_a_list_is_busy(stage: Stage) -> None:
    busy = ("hubspot-example/hubspot ", "hubspot-example/hubspot/~503@memberships ")
    stage.load("hubspot-marketing", busy)
    story = stage.run()
    assert story.delivery.state == "failed"
    upserts = [entry for entry in stage.log() if entry["path"].endswith("/upsert")]
    assert len(upserts) == story.delivery.attempts > 1
    assert story.event("recipient.failed").outcome == "server_error"
