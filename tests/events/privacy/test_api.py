"""Erasures over the API, at the command line and on the page: by administrators alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from events.models import Event, Lead, PrivacyRequest, RecordSettings, Snapshot
from events.privacy import erasing, finding, minimisation
from events.vocabulary import EventType
from flows import plans
from flows.models import Flow
from recipients import versions
from recipients.models import Endpoint, SuppressionList
from recipients.outcomes import Outcome
from tests import factories

pytestmark = pytest.mark.django_db
ADMIN, OPS = "key_of_admin_0001", "key_of_ops_00001"
EMAIL = factories.VALUES["email"]


@pytest.fixture
def world() -> Iterator[SimpleNamespace]:
    source, recipient = factories.make_source(), factories.make_recipient()
    flow = factories.make_flow(source, recipient)
    lead_id = factories.deliver_lead(
        flow,
        source,
        outcomes={recipient.slug: [Outcome.SERVER_ERROR, Outcome.ACCEPTED]},
        ssn="219-09-9999",
    )
    return SimpleNamespace(
        admin=factories.make_user("ada", role="administrator", key=ADMIN),
        ops=factories.make_user("olga", key=OPS),
        flow=flow,
        source=source,
        recipient=recipient,
        lead_id=lead_id,
    )


def post(client: Client, path: str, body: object, key: str = ADMIN):
    return client.post(
        f"/api/v1/{path}", body, content_type="application/json", **factories.bearer(key)
    )


def test_it_says_what_is_held_erases_and_then_says_that_nothing_is(world, client):
    found = client.get("/api/v1/erasures", {"phone": "512.555.1234"}, **factories.bearer(ADMIN))
    assert found.status_code == 200
    assert found.json()["leads"] == [world.lead_id]
    assert found.json()["held"]["events_exchange"] == 2
    body = {"email": EMAIL.upper(), "reason": f"{EMAIL} asked, as did John Smith"}
    dry = post(client, "erasures", {**body, "dry_run": True})
    assert (dry.status_code, Snapshot.objects.count()) == (200, 2)
    done = post(client, "erasures", body)
    assert done.status_code == 201
    assert done.json()["erased"]["events_snapshot"] == 2
    assert done.json()["reason"] == "••• asked, as did ••• •••"
    again = post(client, "erasures", body)
    assert (again.status_code, again.json()["message"]) == (201, "Nothing is held.")
    listed = client.get("/api/v1/erasures", **factories.bearer(ADMIN)).json()["results"]
    assert [each["id"] for each in listed] == [again.json()["id"], done.json()["id"]]
    one = client.get(f"/api/v1/erasures/{done.json()['id']}", **factories.bearer(ADMIN))
    assert one.json() == done.json()


def test_it_refuses_who_may_not_and_what_names_nobody(world, client):
    assert post(client, "erasures", {"email": EMAIL, "reason": "x"}, OPS).status_code == 403
    assert client.get("/api/v1/erasures", **factories.bearer(OPS)).status_code == 403
    assert client.post("/api/v1/erasures", {}, content_type="application/json").status_code == 401
    wrong: list[object] = [
        {"reason": "x"},
        {"email": EMAIL, "phone": "5125551234", "reason": "x"},
        {"email": "nobody", "reason": "x"},
        {"phone": "12", "reason": "x"},
        {"email": ["a@b.c"], "reason": "x"},
        {"email": EMAIL},
        {"email": EMAIL, "reason": "r" * 301},
        {"email": EMAIL, "reason": "x", "suppress": "no-such-list"},
        {"email": EMAIL, "reason": "x", "dry_run": 7},
        {"email": EMAIL, "reason": "x", "dryrun": True},
        ["email"],
    ]
    for body in wrong:
        reply = post(client, "erasures", body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (422, "wrong_shape"), body
    assert post(client, "erasures", {"lead_id": "lead_x", "reason": "x"}).status_code == 404
    assert Lead.objects.get().salt is not None
    assert PrivacyRequest.objects.count() == 0


def test_a_copy_holds_everything_and_is_recorded(world, client):
    reply = post(client, "access-requests", {"lead_id": world.lead_id, "reason": "Ticket 1"})
    (lead,) = reply.json()["leads"]
    text = json.dumps(lead)
    assert all(word in text for word in (EMAIL, "5125551234", "219-09-9999", "Web Form A"))
    assert lead["who_got_what"]["disclosures"][0]["fields"] == [
        {"name": "email", "privacy": "personal"}
    ]
    assert lead["sent_to"][0]["attempts"] == 2
    assert Event.objects.filter(lead_id=world.lead_id, type=EventType.LEAD_COPIED).count() == 1
    packed = post(
        client, "access-requests", {"email": EMAIL, "reason": "Ticket 2", "format": "zip"}
    )
    archive = zipfile.ZipFile(io.BytesIO(packed.content))
    assert archive.namelist() == ["copy.json", "copy.html"]
    assert EMAIL in archive.read("copy.html").decode()


def test_a_masked_administrator_gets_a_copy_only_where_they_may_reveal(world, client):
    body = {"lead_id": world.lead_id, "reason": "Ticket 1"}
    for may, status in ((["ops"], 403), (["administrator"], 200)):
        values = {"personal_shown_to": ["ops"], "revealed_by": may}
        RecordSettings.objects.update_or_create(pk=RecordSettings.current().pk, defaults=values)
        assert post(client, "access-requests", body).status_code == status
        client.force_login(world.admin)
        form = {"kind": "lead_id", "value": world.lead_id, "do": "copy", "reason": "Ticket 2"}
        assert client.post("/privacy/", form).status_code == status
        client.logout()
    assert Event.objects.filter(type=EventType.LEAD_COPIED).count() == 2


def test_it_puts_who_is_erased_on_a_list_or_takes_them_off(world, client):
    row = SuppressionList.objects.create(slug="dnc", name="DNC", fields=["phone_1"], type="phone")
    body = {"email": EMAIL, "reason": "x", "suppress": "dnc"}
    assert post(client, "erasures", body).json()["erased"]["recipients_suppressionentry"] == 1
    row.refresh_from_db()
    assert row.entries == 1
    post(client, "erasures", {"phone": "5125551234", "reason": "x", "unsuppress": True})
    row.refresh_from_db()
    assert row.entries == 0


def test_the_command_finds_copies_and_erases(world, tmp_path: Path):
    said = io.StringIO()
    copy = tmp_path / "copy.json"
    call_command("erase", phone="+1 512 555 1234", dry_run=True, copy=str(copy), stdout=said)
    assert world.lead_id in said.getvalue()
    assert EMAIL in copy.read_text()
    assert copy.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="--yes"):
        call_command("erase", email=EMAIL, stdout=said)
    call_command("erase", email=EMAIL, yes=True, stdout=said)
    assert "Erased 1 lead" in said.getvalue()
    call_command("erase", lead=world.lead_id, yes=True, stdout=said)
    assert "Nothing is held; the request is recorded" in said.getvalue()
    with pytest.raises(CommandError, match="no such lead"):
        call_command("erase", lead="lead_x", yes=True)


def test_the_page_finds_and_erases_for_administrators_alone(world, client):
    client.force_login(world.ops)
    assert client.get("/privacy/").status_code == 403
    client.force_login(world.admin)
    assert "Nobody has asked yet" in client.get("/privacy/").content.decode()
    page = client.post("/privacy/", {"value": EMAIL}).content.decode()
    assert world.lead_id in page
    assert "Versions of the lead" in page
    unsure = client.post("/privacy/", {"value": EMAIL, "do": "erase", "reason": "x"})
    assert "Tick that" in unsure.content.decode()
    copied = client.post("/privacy/", {"value": EMAIL, "do": "copy", "reason": "x"})
    assert copied["Content-Type"] == "application/zip"
    done = client.post(
        "/privacy/", {"value": EMAIL, "do": "erase", "reason": "x", "sure": "yes"}, follow=True
    )
    assert "events_snapshot" in done.content.decode()
    assert Lead.objects.get().salt is None
    assert client.get("/privacy/prv_x/").status_code == 404
    assert "lead.erased" in client.get(f"/leads/{world.lead_id}/").content.decode()


def test_the_record_says_which_fields_went_to_whom_even_after_an_erasure(world, client):
    """Account managers see their own recipients' part alone."""
    Flow.objects.update(consent_field="trustedform_cert_url", consent_required=False)
    row = world.recipient.mapping_rows.get()
    row.value = "{{lead.email}} {{lead.phone_1}} {{lead.state}} {{lead.ssn}} {{lead.nickname}}"
    row.save()
    versions.keep(world.recipient, by="olga")
    Endpoint.objects.update(url="https://x.example/{{lead.score}}")
    plans.changed()
    later = factories.deliver_lead(world.flow, world.source, email="other@example.com")
    (sent,) = minimisation.of_lead(Lead.objects.get(pk=later)).disclosures
    assert {each.name for each in sent.fields} == {"email", "phone_1", "state", "score"}
    erasing.erase(finding.person("lead_id", later), by="ada", reason="x")
    account = minimisation.of_lead(Lead.objects.get(pk=later))
    (sent,) = account.disclosures
    told = {(each.name, each.privacy, each.now) for each in sent.fields}
    assert told == {
        ("email", "personal", False),
        ("phone_1", "personal", False),
        ("state", "plain", False),
        ("ssn", "sensitive", False),
        ("nickname", "personal", False),
        ("score", "plain", True),
    }
    assert (account.consent or {})["problem"] == "trustedform_cert_url is missing"
    client.force_login(world.ops)
    shown = client.get(f"/leads/{later}/disclosed/").content.decode()
    assert "trustedform_cert_url is missing" in shown
    assert "version 2" in shown
    manager = factories.make_user("dana", role="account_manager")
    client.force_login(manager)
    assert client.get(f"/leads/{later}/disclosed/").status_code == 404
