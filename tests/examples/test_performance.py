"""How it is sent: connections, gzip, regions, keys of idempotency, figures and their bounds."""

from __future__ import annotations

import json

import pytest

from events.alerts import evaluate, notices
from events.models import Alert
from recipients.models import Endpoint, Recipient
from tests.examples.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_connection_is_used_again(stage: Stage) -> None:
    stage.load("connection-pooling")
    for number in range(6):
        stage.run(email=f"lead{number}@example.com")
    assert len(stage.log()) == 6
    assert stage.buyers.stats()["connections"] == 1
    endpoint = Endpoint.objects.get()
    assert (endpoint.connections, endpoint.keep_alive) == (10, 300.0)


def test_without_keep_alive_it_is_not(stage: Stage) -> None:
    stage.load("connection-pooling", ("keep_alive: 300s", "keep_alive: 0s"))
    for number in range(3):
        stage.run(email=f"lead{number}@example.com")
    assert stage.buyers.stats()["connections"] == 3


def test_request_and_reply_are_packed(stage: Stage) -> None:
    stage.load("compression")
    story = stage.run()
    received = stage.received()
    assert (received["content-encoding"], received["accept-encoding"]) == ("gzip", "gzip")
    assert stage.body() == {
        "email": "john.smith@example.com",
        "first_name": "John",
        "state": "TX",
    }
    assert story.delivery.state == "accepted"
    assert story.delivery.buyer_lead_id.startswith("ABC")


@pytest.mark.parametrize(("region", "taker"), [("west", "west"), ("east", "east"), ("", "east")])
def test_the_region_decides_on_the_endpoint(stage: Stage, region: str, taker: str) -> None:
    stage.load("regional-endpoints")
    story = stage.run(buyer_region=region)
    assert len(stage.log(taker)) == len(stage.log()) == 1
    assert story.delivery.state == "accepted"


def test_the_key_counts_the_attempts_of_a_lead(stage: Stage) -> None:
    stage.load("idempotency", ("their-buyer/accept", "their-buyer/error"))
    story = stage.run()
    keys = [entry["headers"]["X-Idempotency-Key"] for entry in stage.log()]
    assert keys == [f"{story.lead_id}-{number}" for number in (1, 2, 3, 4)]


def test_each_recipient_keeps_to_its_bounds_or_somebody_hears_of_it(stage: Stage) -> None:
    stage.load("monitoring")
    for number in range(6):
        stage.post(email=f"lead{number}@example.com")
    stage.once()
    evaluate.evaluate()
    notices.tell()
    names = dict(Recipient.objects.values_list("id", "slug"))
    raised = {
        (alert.threshold.name, names[alert.subject])
        for alert in Alert.objects.select_related("threshold")
        if alert.threshold is not None
    }
    assert raised == {
        ("Success rate below 90 %", "picky-buyer"),
        ("Success rate below 90 %", "broken-buyer"),
        ("Response time over 2 s", "slow-buyer"),
        ("Errors spike", "broken-buyer"),
    }
    told = [json.loads(entry["body"]) for entry in stage.log("ops-channel")]
    assert {(each["threshold"], names[each["subject"]]) for each in told} == raised
    assert {each["state"] for each in told} == {"raised"}
