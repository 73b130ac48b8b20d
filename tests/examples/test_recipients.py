"""Every kind of recipient of the documentation of recipient steps, over real HTTP.

Leads go through intake and the engine's turns; what is due is sent as the pump's threads send it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from events.models import Delivery
from flows.desk import Sending
from flows.intake import Answer
from flows.models import Flow, Source
from leadops.buyers import Buyers, running_buyers
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver
from tests.flows.scene import Scene
from tests.leadops.config.bundles import load

pytestmark = pytest.mark.django_db(transaction=True)

HERE = Path(__file__).parent
EXAMPLES = sorted(path.stem for path in HERE.glob("*.yaml"))
LEAD = {
    "email": "john.smith@example.com",
    "first_name": "John",
    "last_name": "Smith",
    "phone_1": "(512) 555-1234",
    "state": "TX",
    "score": "85",
    "timezone": "America/Chicago",
    "product_interest": "Auto",
}


@pytest.fixture
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door(private_networks=[ip_network("127.0.0.0/8")])
    yield door
    door.close()


@pytest.fixture
def stage(buyers: Buyers, door: Door, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    monkeypatch.setenv("ABC_TOKEN", "abc-t0ken-of-the-example")
    monkeypatch.setenv("HUBSPOT_TOKEN", "pat-na1-of-the-example")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    monkeypatch.setenv("SALESFORCE_KEY", pem.decode())
    # Organizations of the look-alikes outlive the server: each test has its own.
    return Stage(buyers, door, name=tmp_path.name)


class Stage:
    """One example, loaded, with its source and flow."""

    def __init__(self, buyers: Buyers, door: Door, *, name: str) -> None:
        self.buyers = buyers
        self.door = door
        self.name = name
        self.keyring = Keyring()

    def load(self, example: str, *changes: tuple[str, str]) -> Scene:
        text = (HERE / f"{example}.yaml").read_text()
        text = text.replace("http://127.0.0.1:9100/b/", f"{self.buyers.url}/b/{self.name}-")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        load(text)
        return Scene(Flow.objects.get(), Source.objects.get())

    def run(self, scene: Scene, **lead: str) -> tuple[Answer, Delivery]:
        """A lead, from the door to what became of it."""
        answer = scene.post(**{**LEAD, **lead})
        starts = scene.start()
        while starts or scene.hurry():
            results = [(each, self.send(each)) for each in starts]
            starts = scene.take((), results).starts or scene.start()
        return answer, Delivery.objects.get(lead_id=answer.lead_id)

    def send(self, sending: Sending) -> Attempt:
        return deliver(
            sending.plan,
            sending.endpoint,
            sending.context,
            attempt=sending.attempt,
            tries=sending.tries,
            idempotency_key=sending.delivery_id,
            test=sending.test,
            door=self.door,
            keyring=self.keyring,
        )

    def log(self) -> list[dict[str, Any]]:
        return self.buyers.log(path=f"/b/{self.name}-")


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_delivers_each_example(stage: Stage, example: str) -> None:
    scene = stage.load(example)
    answer, delivery = stage.run(scene)
    assert delivery.state == "accepted"
    assert delivery.buyer_lead_id or example == "five9-list"  # which gives none
    assert scene.event(answer, "recipient.delivered").outcome == "accepted"


def test_the_buyer_is_sent_what_its_page_says(stage: Stage) -> None:
    _, delivery = stage.run(stage.load("abc-insurance-buyers"))
    (entry,) = stage.log()
    assert json.loads(entry["body"]) == {
        "firstName": "John",
        "lastName": "Smith",
        "phoneNumber": "5125551234",
        "stateCode": "TX",
    }
    assert entry["headers"]["Authorization"] == "Bearer abc-t0ken-of-the-example"
    assert delivery.revenue == Decimal("45.00")


def test_salesforce_is_signed_in_to_once(stage: Stage) -> None:
    scene = stage.load("salesforce-production")
    stage.run(scene)
    stage.run(scene, email="jane@example.com", phone_1="(512) 555-9876")
    token, first, second = stage.log()
    assert token["path"].endswith("/services/oauth2/token")
    assert json.loads(first["body"])["LeadSource"] == "Web Form A"
    assert json.loads(first["body"])["Lead_Score__c"] == 85
    assert first["headers"]["Authorization"] == second["headers"]["Authorization"]


def test_salesforce_knows_a_lead_again(stage: Stage) -> None:
    scene = stage.load("salesforce-production")
    stage.run(scene)
    answer, delivery = stage.run(scene)
    event = scene.event(answer, "recipient.failed")
    assert (delivery.state, event.outcome) == ("declined", "duplicate")
    assert event.reason == "Use one of these records?"


def test_the_dialer_has_its_campaign_in_the_address(stage: Stage) -> None:
    stage.run(stage.load("five9-dialer"))
    (entry,) = stage.log()
    assert entry["path"].endswith("five9-auto-east/accept")
    body = json.loads(entry["body"])
    assert (body["priority"], body["call_window"]) == ("1", "9am-8pm")
    assert body["timezone"] == "America/Chicago"


def test_five9_gets_the_record_on_its_list(stage: Stage) -> None:
    stage.run(stage.load("five9-list"))
    (entry,) = stage.log()
    form = parse_qs(entry["body"])
    assert (form["F9list"], form["number1"]) == (["New Leads TX"], ["5125551234"])
    assert form["F9key"] == ["account_number"]


def test_hubspot_puts_the_contact_on_its_list(stage: Stage) -> None:
    _, delivery = stage.run(stage.load("hubspot-marketing"))
    steps = [entry["path"].partition("/hubspot")[2] for entry in stage.log()]
    assert steps[0] == "/crm/v3/objects/contacts/batch/upsert"
    assert steps[1].endswith("/name/New Leads - Auto")
    assert steps[-1].endswith("/enrollments/contacts/john.smith@example.com")
    assert delivery.revenue == 0  # one's own system buys nothing


def test_hubspot_is_tried_again_when_a_list_is_busy(stage: Stage) -> None:
    scene = stage.load(
        "hubspot-marketing",
        ("hubspot-example/hubspot ", "hubspot-example/hubspot/~503@memberships "),
    )
    answer, delivery = stage.run(scene)
    assert delivery.state == "failed"
    upserts = [entry for entry in stage.log() if entry["path"].endswith("/upsert")]
    assert len(upserts) == delivery.attempts > 1
    assert scene.event(answer, "recipient.failed").outcome == "server_error"
