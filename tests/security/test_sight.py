"""Who gets at what: every call and page, by every way that somebody outside may try."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field

import pytest
from django.test import Client

from events.models import Delivery, Event
from leadops.accounts.models import User
from leadops.lib.admin import change_url
from recipients.models import Recipient
from tests import factories
from tests.factories import bearer
from tests.pages import sign_in

pytestmark = pytest.mark.django_db
OTHERS = "Hidden Buyer", "Private Source", "Unseen Flow", "hidden-buyer", "private-source"
STAFF = ("administrator", "ops", "auditor", "account_manager")
FAR = base64.urlsafe_b64encode(b"2999-01-01T00:00:00+00:00|~").decode().rstrip("=")


@dataclass
class World:
    """A recipient of ours and one of others, each with a lead, and everybody's keys."""

    own: Recipient
    other: Recipient
    own_lead: str
    other_lead: str
    both_lead: str
    users: dict[str, User]
    client: Client = field(default_factory=Client)

    def ask(self, who: str, method: str, path: str, body: object = None):
        headers = bearer(f"key_of_{who}_0001") if who != "nobody" else {}
        data = {} if body is None else {"data": json.dumps(body)}
        return self.client.generic(method, path, **data, content_type="application/json", **headers)

    def event(self, lead_id: str, recipient: Recipient) -> str:
        return Event.objects.filter(lead_id=lead_id, entity_id=recipient.id).latest("seq").id

    def delivery(self, lead_id: str, recipient: Recipient) -> Delivery:
        return Delivery.objects.get(lead_id=lead_id, recipient=recipient)


@pytest.fixture
def world() -> World:
    own = factories.make_recipient("own-buyer", key="key_of_partner_0001")
    other = factories.make_recipient("hidden-buyer", key="key_of_rival_0001")
    web = factories.make_source(key="key_of_source_0001")
    private = factories.make_source("private-source", key="key_of_stranger_0001")
    ours = factories.make_flow(web, own)
    theirs = factories.make_flow(private, other, slug="unseen-flow")
    both = factories.make_flow(web, own, other, slug="both", pattern="multi")
    users = {
        role: factories.make_user(
            role,
            role=role,
            recipients=[own] * (role == "account_manager"),
            key=f"key_of_{role}_0001",
        )
        for role in STAFF
    }
    return World(
        own,
        other,
        factories.deliver_lead(ours, web),
        factories.deliver_lead(theirs, private, email="rival@example.com"),
        factories.deliver_lead(both, web, email="both@example.com"),
        users,
    )


READS = {
    # path → who gets 200; everybody else is refused, or finds nothing
    "/api/v1/leads/{own_lead}": {*STAFF, "source"},
    "/api/v1/leads/{other_lead}": {*STAFF, "stranger"} - {"account_manager"},
    "/api/v1/leads/{own_lead}/events": {*STAFF, "source"},
    "/api/v1/leads/{other_lead}/events": {*STAFF, "stranger"} - {"account_manager"},
    "/api/v1/events": set(STAFF),
    "/api/v1/flows/unseen-flow/events": set(STAFF),
    "/api/v1/recipients/own-buyer/metrics": {*STAFF, "partner"},
    "/api/v1/recipients/hidden-buyer/metrics": {*STAFF, "rival"} - {"account_manager"},
    "/api/v1/recipients/{other.id}/metrics": {*STAFF, "rival"} - {"account_manager"},
}
EVERYBODY = (*STAFF, "source", "stranger", "partner", "rival", "nobody")


@pytest.mark.parametrize("path", READS)
def test_it_answers_each_call_to_those_who_may_know(world, path):
    address = path.format(**vars(world))
    statuses = {who: world.ask(who, "GET", address).status_code for who in EVERYBODY}
    allowed = {who for who, status in statuses.items() if status == 200}
    assert allowed == READS[path]
    assert {statuses[who] for who in EVERYBODY if who not in allowed} <= {401, 403, 404}
    assert statuses["nobody"] == 401


WRITES = {
    "/api/v1/recipients/own-buyer/pause": {"administrator", "ops"},
    "/api/v1/recipients/own-buyer/resume": {"administrator", "ops"},
    "/api/v1/deliveries/{own_delivery}/retry": {"administrator", "ops"},
    "/api/v1/flows/auto-insurance/leads": {"source"},
    "/api/v1/feedback": {"partner"},
    "/api/v1/leads/{own_lead}/feedback": {"partner"},
}


@pytest.mark.parametrize("path", WRITES)
def test_it_lets_nobody_write_but_those_whose_work_it_is(world, path):
    own_delivery = world.delivery(world.own_lead, world.own).id
    address = path.format(own_delivery=own_delivery, own_lead=world.own_lead)
    body = {"kind": "contacted", "lead_id": world.own_lead, "email": "new@example.com"}
    before = set(Event.objects.values_list("id", flat=True))
    for who in EVERYBODY:
        if who not in WRITES[path]:
            assert world.ask(who, "POST", address, body).status_code in (401, 403, 404), who
    written = Event.objects.exclude(id__in=before).values_list("type", flat=True)
    assert set(written) <= {"feedback.rejected"}
    for who in WRITES[path]:
        assert world.ask(who, "POST", address, body).status_code in (200, 201, 202, 409), who


def test_it_takes_no_change_from_a_session_alone(world):
    client = sign_in(world.users["administrator"])
    assert client.get("/api/v1/events").status_code == 200
    for path in ("/api/v1/recipients/own-buyer/pause", "/api/v1/feedback"):
        assert client.post(path, {}, content_type="application/json").status_code == 401
    world.own.refresh_from_db()
    assert world.own.paused_at is None


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?limit=1000",
        f"?cursor={FAR}",
        "?entity_id={other.id}",
        "?entity_id={own.id}&entity_id={other.id}",
        "?lead_id={other_lead}",
        "?lead_id={both_lead}",
        "?type=recipient.*&outcome=accepted",
        "?type=config.changed",
        "?start=2000-01-01&end=2900-01-01",
        "?order_by=data&ordering=-entity_id&fields=*&recipient__slug=hidden-buyer",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/flows/both/events"])
def test_it_lists_an_account_manager_nothing_of_others(world, path, query):
    answer = world.ask("account_manager", "GET", path + query.format(**vars(world)))
    assert answer.status_code == (422 if "cursor=" in query or "fields=" in query else 200)
    text = answer.content.decode()
    assert world.other.id not in text
    assert not [word for word in OTHERS if word in text]
    assert "both@example.com" not in text


def test_it_tells_a_source_nothing_of_buyers_and_prices(world):
    for path in (f"/api/v1/leads/{world.both_lead}", f"/api/v1/leads/{world.both_lead}/events"):
        text = world.ask("source", "GET", path).content.decode()
        for word in (*OTHERS, world.own.id, "Own Buyer", "revenue", "margin", "deliveries"):
            assert word not in text
        assert not re.search(r'": ?"?45(\.0+)?"?[,}]', text)  # what the buyer paid


def test_it_tells_a_partner_nothing_of_sources_and_costs(world):
    path = "/api/v1/recipients/own-buyer/metrics"
    assert world.ask("partner", "GET", f"{path}?group_by=source").status_code == 422
    for group in ("flow", "outcome", "category", "reason", "attempt"):
        text = world.ask("partner", "GET", f"{path}?group_by={group}").content.decode()
        for word in ("cost", "margin", "web-form-a", *OTHERS):
            assert word not in text


@pytest.mark.parametrize(
    "target",
    [
        {"lead_id": "{other_lead}"},
        {"event_id": "{other_event}"},
        {"buyer_lead_id": "buyer-1"},
        {"email": "rival@example.com"},
    ],
)
def test_it_takes_no_feedback_about_others_leads(world, target):
    made_up = {
        "other_lead": world.other_lead,
        "other_event": world.event(world.other_lead, world.other),
    }
    Delivery.objects.filter(recipient=world.own).update(buyer_lead_id="buyer-2")
    body = {"kind": "return", **{k: v.format(**made_up) for k, v in target.items()}}
    answer = world.ask("partner", "POST", "/api/v1/feedback", body)
    assert answer.status_code == 404
    assert "rival" not in answer.content.decode()
    assert world.delivery(world.other_lead, world.other).returned_at is None


def test_it_shows_an_account_manager_no_page_of_others(world):
    client = sign_in(world.users["account_manager"])
    event = world.event(world.both_lead, world.other)
    changed = change_url(Recipient, world.other.pk)
    addresses = [
        f"/leads/{world.other_lead}/",
        f"/leads/{world.both_lead}/?event={event}",
        f"/leads/?q={world.other_lead}",
        f"/leads/?q={event}",
        f"/leads/?q={world.delivery(world.other_lead, world.other).id}",
        "/leads/?q=rival@example.com",
        "/leads/?recipient=hidden-buyer",
        "/leads/?flow=unseen-flow",
        f"/leads/?after={FAR}",
        "/leads/",
        "/dashboards/",
        "/dashboards/?flow=unseen-flow&sort=-revenue",
        "/dashboards/recipients/hidden-buyer/",
        "/dashboards/recipients/own-buyer/",
        "/admin/recipients/recipient/",
        "/admin/recipients/recipient/?q=hidden",
        "/admin/recipients/recipient/?slug=hidden-buyer&e=1",
        changed,
        changed.replace("/change/", "/history/"),
        changed.replace("/change/", "/pause/"),
        change_url(Recipient, world.own.pk),
        "/admin/autocomplete/?app_label=accounts&model_name=user&field_name=recipients",
        "/admin/autocomplete/?app_label=flows&model_name=steprecipient&field_name=recipient",
        "/admin/search/?s=hidden",
        "/admin/search/?s=private",
        "/admin/events/event/",
        "/admin/flows/flow/",
        "/admin/flows/source/",
        "/admin/accounts/user/",
        "/admin/recipients/secret/",
    ]
    for address in addresses:
        text = client.get(address, follow=True).content.decode()
        given = address.partition("?")[2]
        found = [word for word in OTHERS if word in text and word not in given]
        assert not found, (address, found)


@pytest.mark.parametrize("role", ["account_manager", "auditor"])
def test_it_takes_nothing_in_the_console_from_those_who_only_read(world, role):
    client = sign_in(world.users[role])
    page = change_url(Recipient, world.own.pk)
    posts = [
        (page, {"name": "Mine"}),
        (page.replace("/change/", "/delete/"), {"post": "yes"}),
        (page.replace("/change/", "/pause/"), {"_form_submitted": "True", "reason": "x"}),
        (page.replace("/change/", "/resume/"), {"_form_submitted": "True"}),
        ("/admin/recipients/recipient/add/", {"name": "New", "slug": "new"}),
        ("/admin/recipients/secret/add/", {"name": "A", "value": "b"}),
        ("/admin/accounts/user/add/", {"username": "new"}),
        (f"/admin/accounts/user/{world.users['ops'].pk}/password/", {"password1": "Q9-worst-x"}),
        ("/admin/events/channel/add/", {"slug": "new", "url": "mailto://a@example.com"}),
        *(
            (path, {"action": action, "_selected_action": [world.own.pk], "post": "yes"})
            for path, action in (
                ("/admin/recipients/recipient/", "pause_selected"),
                ("/admin/recipients/recipient/", "delete_selected"),
                ("/admin/events/alert/", "resolve_selected"),
                ("/admin/events/event/", "delete_selected"),
            )
        ),
    ]
    before = Event.objects.count(), User.objects.count(), Recipient.objects.count()
    for path, data in posts:
        client.post(path, data)
    assert before == (Event.objects.count(), User.objects.count(), Recipient.objects.count())
    world.own.refresh_from_db()
    assert (world.own.name, world.own.paused_at) == ("Own Buyer", None)


def test_it_previews_nobody_to_an_account_manager(world):
    page = sign_in(world.users["account_manager"]).get(change_url(Recipient, world.own.pk))
    text = page.content.decode()
    assert "both@example.com" not in text
    assert "john.smith@example.com" not in text


def test_it_opens_the_queues_own_tables_to_nobody(world):
    client = sign_in(world.users["administrator"])
    for model in ("schedule", "success", "failure", "ormq"):
        assert client.get(f"/admin/django_q/{model}/").status_code in (403, 404)
        assert client.get(f"/admin/django_q/{model}/add/").status_code in (403, 404)


@pytest.mark.parametrize("query", ["password__startswith=md5", "keys__digest__startswith=a"])
def test_it_filters_people_by_nothing_that_would_give_their_secrets_away(world, query):
    answer = sign_in(world.users["auditor"]).get(f"/admin/accounts/user/?{query}")
    assert answer.status_code in (302, 400)
