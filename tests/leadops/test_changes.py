"""The history of configuration."""

from __future__ import annotations

import json

import pytest

from events.models import AlertThreshold, Channel, Event
from flows.models import SourceKey
from leadops import changes
from recipients.models import Endpoint, MappingRow, Secret
from tests.factories import make_flow, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db


def only() -> Event:
    return Event.objects.get(type="config.changed")


def test_it_records_only_the_parts_that_changed():
    recipient = make_recipient()
    with changes.recorded(recipient, by="olga"):
        recipient.tier = "basic"
        recipient.save()
        MappingRow.objects.create(
            recipient=recipient, key="state", value="{{lead.state}}", position=1
        )
    data = only().data
    assert data["by"] == "olga"
    assert data["before"] == {"tier": "premium", "mapping_rows": {}}
    assert data["after"]["tier"] == "basic"
    assert data["after"]["mapping_rows"]["state"]["value"] == "{{lead.state}}"
    assert data["object"] == {
        "model": "recipient",
        "id": recipient.id,
        "slug": "abc-insurance",
        "name": "Abc Insurance",
    }
    assert only().entity_id == recipient.id


def test_it_records_nothing_when_nothing_changed():
    recipient = make_recipient()
    with changes.recorded(recipient, by="olga"):
        recipient.save()
    assert not Event.objects.exists()


def test_it_says_that_a_secret_changed_and_never_to_what():
    recipient = make_recipient()
    endpoint = recipient.endpoints.get()
    endpoint.auth, endpoint.auth_secret = "bearer", "first-token-12345"
    endpoint.save()
    with changes.recorded(recipient, by="olga"):
        endpoint.auth_secret = "second-token-12345"
        endpoint.save()
    data = only().data
    assert data["before"] == {"endpoints": {"production": {"auth_secret": "(kept secret)"}}}
    assert data["after"] == {"endpoints": {"production": {"auth_secret": "(changed)"}}}
    assert "token-12345" not in json.dumps(data)


def test_it_keeps_key_material_out_of_the_record():
    source = make_source()
    with changes.recorded(source, by="olga"):
        key = SourceKey(source=source, name="landing page")
        key.set("src_a_very_secret_key")
        key.save()
    text = json.dumps(only().data)
    assert "landing page" in text
    assert key.digest not in text
    assert "_key" not in json.dumps(only().data["after"])


def test_it_writes_no_trace_of_a_rolled_back_change():
    recipient = make_recipient()

    def change_and_fail() -> None:
        with changes.recorded(recipient, by="olga"):
            recipient.tier = "basic"
            recipient.save()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert not Event.objects.exists()


def test_it_names_what_is_deleted():
    secret = Secret.objects.create(name="TOKEN", value="abc-123-def")
    entity = changes.entity_id(secret)
    with changes.recorded(secret, by="olga"):
        secret.delete()
    event = only()
    assert event.reason == "Secret TOKEN deleted"
    assert event.entity_id == entity
    assert event.data["before"]["value"] == "(kept secret)"
    assert event.data["after"] == {}


def test_it_tells_equal_names_apart():
    recipient = make_recipient()
    for position in (1, 2):
        MappingRow.objects.create(recipient=recipient, key="email", value="x", position=position)
    assert list(changes.snapshot_of(recipient)["mapping_rows"]) == ["email", "email #2", "email #3"]


def test_it_takes_a_snapshot_of_every_kind_of_object():
    recipient = make_recipient(key="rcp_key_0123456789")
    Endpoint.objects.create(recipient=recipient, kind="backup", url="https://b.example/x")
    source = make_source(key="src_key_0123456789")
    flow = make_flow(source, recipient)
    user = make_user(role="account_manager", recipients=[recipient], key="usr_key_0123456789")
    channel = Channel.objects.create(slug="ops", url="mailto://ops@example.com")
    threshold = AlertThreshold.objects.create(name="Low", metric="delivery_rate", below="0.9")
    threshold.notify.add(channel)
    snapshots = [
        changes.snapshot_of(obj) for obj in (recipient, source, flow, user, channel, threshold)
    ]
    json.dumps(snapshots)  # plain values all the way down
    assert snapshots[2]["steps"]["buyers"]["recipients"]["abc-insurance"]["position"] == 1
    assert snapshots[3]["recipients"] == ["abc-insurance"]
    assert snapshots[5]["notify"] == ["ops"]
    assert snapshots[5]["over"] == "15m"
    assert "0123456789" not in json.dumps(snapshots)


def test_it_shows_what_was_recorded_newest_first():
    recipient = make_recipient()
    for tier in ("one", "two"):
        with changes.recorded(recipient, by="olga"):
            recipient.tier = tier
            recipient.save()
    newest, oldest = changes.changes_of(recipient)
    (part,) = newest.parts
    assert (part.path, part.before, part.after) == ("tier", "one", "two")
    assert (oldest.did, oldest.by) == ("changed", "olga")


def test_it_keeps_credentials_out_that_were_written_out_in_plain_places():
    recipient = make_recipient()
    endpoint = recipient.endpoints.get()
    with changes.recorded(recipient, by="olga"):
        endpoint.headers = "X-API-Key: plain-key-1\r\nX-Source: leadops\r\nToken: ${TOKEN}"
        endpoint.url = "https://user:plain-pass-2@abc.example/leads?token=plain-token-3&v=1"
        endpoint.save()
        recipient.mapping_rows.create(key="auth.password", value="plain-word-4", position=1)
        recipient.fields = {"secret": "plain-value-5", "campaign": "winter"}
        recipient.save()
    after = only().data["after"]
    assert "plain-" not in json.dumps(only().data)
    assert after["endpoints"]["production"]["headers"] == {
        "X-API-Key": "(kept secret)",
        "X-Source": "leadops",
        "Token": "${TOKEN}",
    }
    assert after["fields"] == {"secret": "(kept secret)", "campaign": "winter"}


def test_it_says_that_a_written_out_credential_changed():
    recipient = make_recipient()
    recipient.endpoints.update(headers="X-API-Key: plain-key-1")
    with changes.recorded(recipient, by="olga"):
        recipient.endpoints.update(headers="X-API-Key: plain-key-2")
    after = only().data["after"]["endpoints"]["production"]
    assert after == {"headers": {"X-API-Key": "(changed)"}}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mailto://ops@example.com", "mailto://ops@example.com"),
        ("https://hooks.example.com/T0/B0/secret", "https://hooks.example.com/•••"),
        ("slack://token-a/token-b", "slack://•••"),
        ("mailto://user:pass@mail.example", "mailto://•••"),
    ],
)
def test_it_shows_of_a_channel_where_it_leads_and_no_more(url, shown):
    found = changes.snapshot_of(Channel(slug="x", url=url))["url"]
    assert (found if isinstance(found, str) else found["address"]) == shown
