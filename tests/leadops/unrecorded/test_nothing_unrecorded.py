"""Nothing changes a lead, a delivery, money or configuration without an event in the same
transaction: triggers watch every table while the system is worked with from all sides."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client

from events.models import Delivery, Feedback
from flows.byhand import editing, reviewing
from recipients.models import Recipient, SuppressionList
from recipients.outcomes import Outcome
from tests import pages
from tests.factories import make_user
from tests.flows.scene import Scene, attempt
from tests.leadops.unrecorded.hands import ABC, ADA, OLGA, call, lead, post
from tests.leadops.unrecorded.watched import (
    APART,
    BOOKKEEPING,
    all_recorded,
    begin,
    touched,
    watched_tables,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_leads_and_money_move_with_an_event(watch: None, play: Scene, client: Client):
    begin()
    lead(client, state="NY")
    lead(client, email="")  # rejected at the door
    sold = lead(client)
    play.play(
        abc=[attempt(Outcome.SERVER_ERROR), attempt(Outcome.REJECTED, reason="No")],
        xyz=[attempt(Outcome.ACCEPTED, buyer_lead_id="x1")],
    )
    lead(client, email="b@example.com")
    play.play(abc=[attempt(Outcome.UNREADABLE)], xyz=[attempt(Outcome.REJECTED)])
    held = Delivery.objects.get(state="review")
    reviewing.accept(held.id, by="olga", reason="They took it")
    play.play()
    post(client, "feedback", ABC, kind="conversion", lead_id=held.lead_id)
    post(client, "feedback", ABC, kind="return", lead_id=held.lead_id, reason="Wrong number")
    unsold = lead(client, email="c@example.com")
    play.play(abc=[attempt(Outcome.REJECTED)], xyz=[attempt(Outcome.DUPLICATE)])
    again = Delivery.objects.get(lead_id=unsold, recipient__slug="abc")
    editing.edit(unsold, {"state": "CA"}, by="olga")
    post(client, f"deliveries/{again.id}/retry", OLGA)
    play.play(abc=[attempt(Outcome.ACCEPTED)] * 3, xyz=[attempt(Outcome.REJECTED)] * 3)
    lead(client, email="d@example.com")
    play.play(abc=[attempt(Outcome.UNAUTHORIZED)] * 3, xyz=[attempt(Outcome.REJECTED)] * 3)
    post(client, "recipients/abc/resume", OLGA)
    post(client, "erasures", ADA, lead_id=sold, reason="Asked for it")
    all_recorded()
    assert touched() >= {"events_lead", "events_delivery", "events_feedback", "events_alert"}
    assert Feedback.objects.exists()


def test_configuration_changes_with_an_event(
    watch: None, play: Scene, client: Client, tmp_path: Path
):
    dana, root = make_user("dana", role="account_manager"), make_user("root", role="administrator")
    begin()
    abc = Recipient.objects.get(slug="abc")
    post(client, "recipients/abc/pause", OLGA, reason="Down")
    post(client, "recipients/abc/resume", OLGA)
    post(client, "recipients/abc/breakers/production/open", OLGA, reason="Moving")
    post(client, "recipients/abc/breakers/production/close", OLGA, reason="Moved")
    post(client, "suppression-lists/dnc/entries", OLGA, values=["5125550100"])
    call(client, "DELETE", "suppression-lists/dnc/entries", OLGA, body={"values": ["5125550100"]})
    file = tmp_path / "bundle.yaml"
    call_command("bundle", "dump", str(file))
    text = file.read_text().replace("price: 45", "price: 47").replace("Web Form A", "Web Form B")
    file.write_text(text)
    call_command("bundle", "load", str(file))
    admin = pages.sign_in(root)
    for obj, changes in (
        (abc, {"name": "ABC Insurance", "endpoints__0__timeout": "12s"}),
        (play.flow, {"name": "Auto Insurance"}),
        (play.source, {"name": "Web Form C"}),
        (SuppressionList.objects.get(), {"name": "Do not call"}),
        (dana, {"first_name": "Dana"}),
    ):
        answer = pages.submit(admin, pages.page_of(obj), **changes)
        assert answer.status_code == 302, (obj, pages.errors_of(answer))
    all_recorded()
    assert touched() >= {
        "recipients_recipient",
        "recipients_endpoint",
        "flows_flow",
        "flows_source",
        "accounts_user",
    }


def test_every_table_is_watched_or_said_why_not():
    known = {m._meta.db_table: m for m in apps.get_models(include_auto_created=True)}
    assert set(APART) - set(known) == set()
    assert set(BOOKKEEPING) - set(watched_tables()) == set()
    for table, columns in BOOKKEEPING.items():
        assert columns <= {field.column for field in known[table]._meta.fields}, table
