"""Terms between a flow and a source, at the door."""

from __future__ import annotations

import json

import pytest

from events.models import Event, Snapshot
from flows.models import FlowField, FlowSource, SourceKey
from tests.flows.scene import LEAD, Scene, recipient, scene

KEY = "web-form-a-key-0123456789"


@pytest.fixture
def play(db) -> Scene:
    return scene(recipient("abc"))


def terms(play: Scene, **settings) -> None:
    row = FlowSource.objects.get(flow=play.flow)
    for name, value in settings.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()


def own(play: Scene, **settings) -> None:
    for name, value in settings.items():
        setattr(play.source, name, value)
    play.source.full_clean()
    play.source.save()


def pricing(answer):
    return Event.objects.get(lead_id=answer.lead_id, type="source.accepted").data["pricing"]


def test_aliases_of_source_and_flow_are_read_before_anything_else(play):
    own(play, aliases={"mail": "email", "st": "nothing"})
    terms(play, aliases={"st": "state", "contact.phone": "phone_1"})
    answer = play.post(email=None, mail="Bob@Example.com", state=None, st="texas",
                       contact={"phone": "(512) 555-0123"}, phone_1=None)  # fmt: skip
    raw, parsed = Snapshot.objects.filter(lead_id=answer.lead_id).order_by("version")
    assert answer.outcome == "accepted"
    assert parsed.body["email"] == "bob@example.com"
    assert parsed.body["state"] == "TX"
    assert parsed.body["phone_1.valid"] is True
    assert raw.body["email"] == "Bob@Example.com"


def test_an_alias_hides_what_its_field_hides(play):
    FlowField.objects.create(flow=play.flow, name="ssn", type="ssn", privacy="sensitive")
    own(play, aliases={"social": "ssn", "id": "external_id"})
    answer = play.post(social="219-09-9999", ssn="219-09-9998", id="their-7")
    for snapshot in Snapshot.objects.filter(lead_id=answer.lead_id):
        assert "219" not in json.dumps(snapshot.body)
        assert snapshot.body["external_id"] == "their-7"
        assert snapshot.body["id"] == answer.lead_id


def test_fields_may_be_required_of_one_source_alone(play):
    own(play, require=["phone_1"])
    terms(play, require=["campaign"])
    assert play.post(phone_1="", campaign="x").reasons == ("Missing required field: phone_1",)
    assert play.post(campaign=" ").reasons == ("Missing required field: campaign",)
    assert "Invalid phone_1" in play.post(phone_1="12", campaign="x").reason
    assert play.post(campaign="x").outcome == "accepted"


def test_a_price_by_rules_says_which(play):
    terms(play, prices=[{"when": {"field": "state", "op": "is", "value": "TX"}, "price": 12}])
    answer = play.post()
    assert (answer.price, pricing(answer)) == (12, {"by": "rule", "rule": 1})
    answer = play.post(state="CA", email="b@example.com")
    assert (answer.price, pricing(answer)) == (15, {"by": "fixed"})
    assert play.post(test=True).price == 0


def test_any_price_of_the_flow_replaces_all_of_the_sources(play):
    own(play, prices=[{"price": 9}])
    assert play.post().price == 9
    terms(play, price=11)
    assert play.post(email="b@example.com").price == 11


@pytest.fixture
def post(client, play):
    key = SourceKey(source=play.source)
    key.set(KEY)
    key.save()

    def post(remote="127.0.0.1", **headers):
        return client.post(
            "/api/v1/flows/auto/leads",
            json.dumps(LEAD),
            content_type="application/json",
            headers={"Authorization": f"Bearer {KEY}", **headers},
            REMOTE_ADDR=remote,
        )

    return post


def test_only_allowed_addresses_may_send(play, post, client):
    own(play, allowed_ips=["203.0.113.0/24", "2001:db8::/32"])
    assert post("203.0.113.9").status_code == 201
    assert post("2001:db8::7").status_code == 201
    assert post("::ffff:203.0.113.9").status_code == 201
    refused = post("198.51.100.1")
    assert refused.status_code == 403
    assert "198.51.100.1" in refused.json()["error"]["message"]
    assert post("").status_code == 403
    terms(play, allowed_ips=["198.51.100.1"])  # the flow's word stands before the source's
    assert post("198.51.100.1").status_code == 201
    assert post("203.0.113.9").status_code == 403
    reply = client.post(
        f"/flows/auto/sources/{play.source.slug}/submit",
        "email=a@example.com",
        "application/x-www-form-urlencoded",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert (reply.status_code, reply.json()["outcome"]) == (403, "error")


def test_forwarded_addresses_count_only_from_trusted_proxies(play, post, settings):
    from ipaddress import ip_network

    own(play, allowed_ips=["203.0.113.0/24"])
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert post("10.0.0.1", **forwarded).status_code == 403
    settings.LEADOPS_TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    assert post("10.0.0.1", **forwarded).status_code == 201
    forged = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
    assert post("10.0.0.1", **forged).status_code == 403
    assert post("198.51.100.1", **forwarded).status_code == 403
