"""Masked values revealed for a reason, views recorded, and the list of both."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from events.models import Event, Lead, RecordSettings
from events.privacy import erasing, finding
from events.viewing import revealing
from leadops.accounts.roles import Role
from recipients.outcomes import Outcome
from tests import factories
from tests.pages import sign_in

pytestmark = pytest.mark.django_db
EMAIL, SSN = factories.VALUES["email"], "219-09-9999"
WHY = {"reason": "The buyer asks, ticket 4711", "class": ["personal"]}


@pytest.fixture
def world() -> SimpleNamespace:
    """Nobody but administrators is shown personal values; account managers may reveal them."""
    RecordSettings.objects.update_or_create(
        id=1,
        defaults={
            "personal_shown_to": ["administrator"],
            "revealed_by": ["account_manager", "ops"],
            "sensitive_revealed": True,
        },
    )
    source, own = factories.make_source(), factories.make_recipient()
    other = factories.make_recipient("other-buyer")
    flow = factories.make_flow(source, own)
    theirs = factories.make_flow(source, other, slug="other-flow")
    users = {
        role: factories.make_user(
            role.value,
            role=role.value,
            recipients=[own] * (role is Role.ACCOUNT_MANAGER),
            key=f"key_of_{role}_0001",
        )
        for role in Role
    }
    return SimpleNamespace(
        users=users,
        lead=factories.deliver_lead(flow, source, ssn=SSN),
        other=factories.deliver_lead(theirs, source, email="o@example.com"),
    )


def page(client: Client, lead_id: str) -> str:
    answer = client.get(f"/leads/{lead_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def viewed(**about: Any) -> list[Event]:
    return list(Event.objects.filter(type="lead.viewed", **about).order_by("timestamp", "id"))


def ask(world: SimpleNamespace, role: Role, lead_id: str, body: object) -> Any:
    return Client().post(
        f"/api/v1/leads/{lead_id}/reveal",
        json.dumps(body),
        content_type="application/json",
        **factories.bearer(f"key_of_{role}_0001"),
    )


def test_it_shows_one_lead_to_one_person_for_a_while(world, monkeypatch):
    dana, olga = sign_in(world.users[Role.ACCOUNT_MANAGER]), sign_in(world.users[Role.OPS])
    assert EMAIL not in page(dana, world.lead)
    assert EMAIL not in page(olga, world.lead)
    said = {**WHY, "reason": f"John Smith ({EMAIL}) called about {SSN}"}
    dana.post(f"/leads/{world.lead}/reveal/", said)
    assert EMAIL in page(dana, world.lead)
    assert EMAIL not in page(olga, world.lead)
    (event,) = viewed()
    assert (event.lead_id, event.data["by"], event.data["role"]) == (
        world.lead,
        "account_manager",
        "account_manager",
    )
    assert event.data["classes"] == ["personal"]
    assert event.data["fields"] == ["email", "first_name", "last_name", "phone_1"]
    kept = json.dumps(event.data) + event.reason
    assert not [word for word in (EMAIL, "Smith", SSN, "5551234") if word in kept]
    monkeypatch.setattr(revealing, "LASTS", timedelta(0))  # the while is over
    assert EMAIL not in page(dana, world.lead)


def test_it_reveals_nothing_unasked_without_a_reason_or_out_of_sight(world):
    dana = sign_in(world.users[Role.ACCOUNT_MANAGER])
    dana.post(f"/leads/{world.lead}/reveal/", {**WHY, "reason": "  "})
    assert dana.post(f"/leads/{world.other}/reveal/", WHY).status_code == 404
    sensitive = {**WHY, "class": ["sensitive"]}
    assert dana.post(f"/leads/{world.lead}/reveal/", sensitive).status_code == 403
    auditor = sign_in(world.users[Role.AUDITOR])
    assert "Reveal masked" not in page(auditor, world.lead)
    assert auditor.post(f"/leads/{world.lead}/reveal/", WHY).status_code == 403
    reason = {"reason": "Ticket 1"}
    assert ask(world, Role.AUDITOR, world.lead, reason).status_code == 403
    assert ask(world, Role.ACCOUNT_MANAGER, world.other, reason).status_code == 404
    for wrong in ({}, {"reason": 7}, {"reason": "x", "classes": ["plain"]}, [1]):
        assert ask(world, Role.OPS, world.lead, wrong).status_code == 422, wrong
    assert viewed() == []
    assert EMAIL not in page(dana, world.lead)


def test_administrators_see_sensitive_values_where_the_account_lets_them(world):
    ada = sign_in(world.users[Role.ADMINISTRATOR])
    assert SSN not in page(ada, world.lead)
    ada.post(f"/leads/{world.lead}/reveal/", {"reason": "Ticket 2", "class": ["sensitive"]})
    assert SSN.replace("-", "") in page(ada, world.lead).replace("-", "")
    assert viewed()[0].data["fields"] == ["ssn"]
    answer = ask(
        world, Role.ADMINISTRATOR, world.lead, {"reason": "x", "classes": ["sensitive"]}
    ).json()
    assert answer["sensitive"]["ssn"].replace("-", "") == SSN.replace("-", "")
    assert answer["values"] is None
    RecordSettings.objects.update(sensitive_revealed=False)
    assert SSN.replace("-", "") not in page(ada, world.lead).replace("-", "")  # at once
    refused = ask(world, Role.ADMINISTRATOR, world.lead, {"reason": "x", "classes": ["sensitive"]})
    assert refused.status_code == 403


def test_the_api_gives_values_once_and_so_many_an_hour(world):
    RecordSettings.objects.update(reveals_per_hour=2)
    first = ask(world, Role.OPS, world.lead, {"reason": "Ticket 3"})
    assert first.status_code == 200
    assert first.json()["values"]["email"] == EMAIL
    assert first.json()["event_id"] == viewed()[0].id
    assert SSN not in first.content.decode()
    headers = factories.bearer("key_of_ops_0001")
    assert EMAIL not in Client().get(f"/api/v1/leads/{world.lead}", **headers).content.decode()
    assert ask(world, Role.OPS, world.other, {"reason": "Ticket 3"}).status_code == 200
    third = ask(world, Role.OPS, world.lead, {"reason": "Ticket 3"})
    assert third.status_code == 429
    assert 0 < int(third["Retry-After"]) <= 3_600
    assert ask(world, Role.ACCOUNT_MANAGER, world.lead, {"reason": "x"}).status_code == 200


def test_of_an_erased_lead_nothing_is_left_to_reveal(world):
    erasing.erase(finding.person("lead_id", world.lead), by="ada", reason="x")
    assert ask(world, Role.OPS, world.lead, {"reason": "x"}).status_code == 409
    assert viewed() == []


def test_it_records_views_where_the_account_asks_once_in_ten_minutes(world):
    olga = sign_in(world.users[Role.OPS])
    page(olga, world.lead)
    assert viewed() == []
    RecordSettings.objects.update(views_recorded=True)
    headers = factories.bearer("key_of_ops_0001")
    for _ in range(2):
        page(olga, world.lead)
        assert Client().get(f"/api/v1/leads/{world.lead}", **headers).status_code == 200
        page(sign_in(world.users[Role.AUDITOR]), world.lead)
    assert Client().get(f"/api/v1/leads/{world.other}/events", **headers).status_code == 200
    seen = [(event.data["by"], event.lead_id, event.data["how"]) for event in viewed()]
    assert seen == [
        ("ops", world.lead, "opened"),
        ("auditor", world.lead, "opened"),
        ("ops", world.other, "opened"),
    ]
    shown = page(olga, world.lead)
    assert "lead.viewed" in shown
    waits = re.findall(r"longest wait.*?<strong>([a-z._]+)", shown, re.DOTALL)
    assert "lead.viewed" not in waits


def test_looking_makes_nobodys_review_stale(world):
    """Only what happened to the lead does."""
    RecordSettings.objects.update(views_recorded=True)
    no = {"other-buyer": [Outcome.UNREADABLE]}
    source = Lead.objects.get(pk=world.other).source
    flow = Lead.objects.get(pk=world.other).flow
    lead_id = factories.deliver_lead(flow, source, outcomes=no)
    delivery = Lead.objects.get(pk=lead_id).deliveries.get()
    olga = sign_in(world.users[Role.OPS])
    shown = olga.get(f"/review/{delivery.id}/").content.decode()
    assert EMAIL not in shown
    seen = Lead.objects.get(pk=lead_id).seq
    page(sign_in(world.users[Role.AUDITOR]), lead_id)
    posted = {"action": "save", "seen": str(seen), "field-state": "CA", "field-score": "85"}
    hidden = ["email", "phone_1", "first_name", "last_name"]
    for name in hidden:
        posted[f"field-{name}"] = ""
    olga.post(f"/review/{delivery.id}/", {**posted, "hidden": hidden})
    changed = Event.objects.get(lead_id=lead_id, type="lead.edited")
    assert [each["field"] for each in changed.data["changes"]] == ["state"]


def test_administrators_and_auditors_see_who_saw_what(world):
    ask(world, Role.OPS, world.lead, {"reason": "Ticket 5"})
    dana = sign_in(world.users[Role.ACCOUNT_MANAGER])
    dana.post(f"/leads/{world.lead}/reveal/", {**WHY, "reason": "Ticket 6"})
    auditor = sign_in(world.users[Role.AUDITOR])
    text = auditor.get("/views/").content.decode()
    assert "Ticket 5" in text
    assert "Ticket 6" in text
    one = f"user:{world.users[Role.OPS].pk}"
    found = auditor.get("/views/", {"person": one, "how": "revealed", "after": "junk"})
    assert "Ticket 5" in found.content.decode()
    assert "Ticket 6" not in found.content.decode()
    assert "Nothing was recorded" in auditor.get("/views/", {"lead": "x\0"}).content.decode()
    for role in (Role.OPS, Role.ACCOUNT_MANAGER):
        assert sign_in(world.users[role]).get("/views/").status_code == 403
    assert Client().get("/views/").status_code == 302
