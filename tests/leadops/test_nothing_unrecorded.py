"""Nothing changes a lead, a delivery, money or configuration without an event in the same
transaction: triggers watch every table while the system is worked with from all sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client

from events.models import Delivery, Event, Feedback
from events.ownfields import ENVELOPE, OWN
from flows.byhand import editing, reviewing
from recipients.models import Recipient, SuppressionList
from recipients.outcomes import Outcome
from tests import pages
from tests.factories import bearer, make_user
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db(transaction=True)
OLGA, ADA = "key-olga-00000001", "key-ada-000000001"
WEB, ABC = "key-web-00000001", "key-abc-00000001"

# Tables in which nothing that somebody could ask about changes by itself. Every other is watched.
APART = {
    "events_event": "the record itself",
    "events_snapshot": "the record's values, written with the event that points at them",
    "events_exchange": "the record's requests and replies, written with their event",
    "events_tally": "figures, counted from events",
    "events_rollup": "figures, summed from tallies",
    "events_figure": "a view",
    "events_seal": "seals of events that were written before",
    "events_head": "where seals were published",
    "events_trim": "recorded by record.trimmed when a month is done",
    "events_trimrun": "how far a run of retention has come",
    "events_leadkey": "digests to find a lead by; they come and go with it",
    "events_exportpiece": "bytes of a file that export.ended names",
    "events_privacyrequest": "how far a request has come; privacy.erased and .copied record it",
    "events_savedsearch": "somebody's own bookmarks",
    "accounts_signins": "counts attempts to sign in, for a few minutes",
    "recipients_batching": "where a batch gathers",
    "recipients_breaker": "counts every attempt; its openings and closings are events",
    "recipients_mappingversion": "a mapping, numbered, found by whoever reads it first",
    "recipients_suppressionpiece": "bytes of a file that is worked in",
    "recipients_token": "tokens of buyers, kept while they are good",
    "flows_batch": "what a batch holds; its sending is an event",
    "flows_bid": "what auction.bid says, kept while the lead is under way",
    "flows_bulkretry": "how far a job has come; its beginning and end are events",
    "flows_flowmove": "how far a job has come; its beginning and end are events",
    "flows_flowversion": "a flow's content, numbered, found by whoever reads it first",
    "flows_leadimport": "how far a job has come; its beginning and end are events",
    "flows_leadimportpiece": "bytes of a file that is taken in",
    "flows_leadimportrow": "rows of a file; those that are leads have their events",
    "flows_capcount": "counts what deliveries used",
    "flows_duplicateclaim": "who has a value, for a while",
    "flows_recipientclaim": "who has a value, for a while",
    "flows_intakekey": "answers to repeated keys, for a week",
    "flows_sourceping": "offers for a minute; ping.answered says them",
    "flows_pricefigure": "measured figures that prices read",
    "flows_measured": "measured figures that prices read",
    "flows_revision": "a number that tells processes that configuration changed",
    "flows_serviceanswer": "answers of services, kept for a while",
    "flows_share": "counts what recipients got, for their order",
    "flows_work": "what is to be done next",
    "flows_pump": "which processes are alive",
    "events_hookfollower": "how far hooks have read",
    "events_hookcount": "what hooks count",
    "events_hooknotice": "notices under way",
}
# Columns that say nothing of what happened to anybody.
BOOKKEEPING = {
    "accounts_accountkey": {"last_used_at"},
    "accounts_user": {"last_login"},
    "events_alert": {"told", "told_at", "notices", "tries", "due_at"},
    "events_eventsubscription": {"tx", "after", "sent", "lease", "lease_until", "ready_at"},
    "events_exportschedule": {"next_at"},
    "flows_sourcekey": {"last_used_at"},
    "recipients_endpoint": {"used_at"},
    "recipients_partnerkey": {"last_used_at"},
    "recipients_secret": {"used_at", "previous_used_at"},
}
WATCH = """
CREATE TABLE watched (tx xid8, tbl text, op text, columns text[]);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watched SELECT pg_current_xact_id(), TG_TABLE_NAME, TG_OP, CASE TG_OP
        WHEN 'UPDATE' THEN ARRAY(
            SELECT n.key FROM jsonb_each(to_jsonb(NEW)) n JOIN jsonb_each(to_jsonb(OLD)) o
                USING (key) WHERE n.value IS DISTINCT FROM o.value ORDER BY 1)
        ELSE '{*}' END;
    RETURN NULL;
END $$;
"""
UNRECORDED = """
    SELECT w.tbl, w.op, w.columns FROM watched w
    WHERE w.columns <> '{}' AND NOT EXISTS (SELECT FROM events_event e WHERE e.tx = w.tx)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def watched_tables() -> list[str]:
    ours = ("accounts", "recipients", "events", "flows")
    models = [m for app in ours for m in apps.get_app_config(app).get_models(True)]
    return sorted({model._meta.db_table for model in models} - set(APART))


@pytest.fixture
def watch() -> Iterator[None]:
    """Every change of a row from here on is noted, with the transaction that made it."""
    with connection.cursor() as cursor:
        cursor.execute(WATCH)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION watch() CASCADE")
        cursor.execute("DROP TABLE watched")


def begin() -> None:
    with connection.cursor() as cursor:
        for table in watched_tables():
            cursor.execute(
                f"CREATE TRIGGER watch AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION watch()"
            )


def unrecorded() -> list[tuple[str, str, list[str]]]:
    """Changes in transactions without an event, but for bookkeeping."""
    with connection.cursor() as cursor:
        cursor.execute(UNRECORDED)
        found = cursor.fetchall()
    return [
        (table, op, sorted(set(columns) - BOOKKEEPING.get(table, set())))
        for table, op, columns in found
        if set(columns) - BOOKKEEPING.get(table, set())
    ]


def touched() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tbl FROM watched")
        return {row[0] for row in cursor.fetchall()}


@pytest.fixture
def play() -> Scene:
    made = scene(recipient("abc", sandbox=True), recipient("xyz", "30.00"), pattern="waterfall")
    key_of(made.source.keys.model(source=made.source), WEB)
    key_of(Recipient.objects.get(slug="abc").keys.model(recipient_id=made_id("abc")), ABC)
    make_user("olga", key=OLGA)
    make_user("ada", role="administrator", key=ADA)
    SuppressionList.objects.create(slug="dnc", name="DNC", fields=["phone_1"])
    return made


def made_id(slug: str) -> str:
    return str(Recipient.objects.get(slug=slug).id)


def key_of(held: Any, key: str) -> None:
    held.set(key)
    held.save()


def call(client: Client, method: str, path: str, key: str, *, body: Any = None) -> Any:
    answer = client.generic(
        method,
        f"/api/v1/{path}",
        json.dumps(body if body is not None else {}),
        content_type="application/json",
        **bearer(key),
    )
    assert answer.status_code < 300, (path, answer.content)
    return answer


def post(client: Client, path: str, key: str, **body: Any) -> Any:
    return call(client, "POST", path, key, body=body).json()


def lead(client: Client, **values: Any) -> str:
    body = {"email": "ann@example.com", "phone_1": "5555551234", "state": "TX", **values}
    return str(post(client, "flows/auto/leads", WEB, **body)["lead"]["id"])


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
    assert not (missed := unrecorded()), "\n".join(map(str, missed))
    assert touched() >= {"events_lead", "events_delivery", "events_feedback", "events_alert"}
    assert Feedback.objects.exists()
    _says_what_it_may()


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
    assert not (missed := unrecorded()), "\n".join(map(str, missed))
    assert touched() >= {
        "recipients_recipient",
        "recipients_endpoint",
        "flows_flow",
        "flows_source",
        "accounts_user",
    }
    _says_what_it_may()


def _says_what_it_may() -> None:
    """Events have the fields that the documentation names, and no others."""
    for event in Event.objects.all():
        assert set(event.data) <= {*OWN[event.type]}, (event.type, set(event.data))
        assert not set(event.data) & set(ENVELOPE), event.type


def test_every_table_is_watched_or_said_why_not():
    known = {m._meta.db_table for m in apps.get_models(include_auto_created=True)}
    assert set(APART) - known == set()
    assert set(BOOKKEEPING) - set(watched_tables()) == set()
