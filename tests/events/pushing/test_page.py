"""The page of push subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from events.models import Event, EventSubscription
from tests.events.pushing.test_pushing import SECRET
from tests.events.test_following import write
from tests.factories import make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/events/eventsubscription/"


@pytest.fixture
def olga(client: Client) -> Client:
    client.force_login(make_user("olga"))
    return client


def save(client: Client, address: str = f"{LIST}add/", **fields: Any) -> Any:
    given = {
        "slug": "warehouse",
        "active": "on",
        "url": "https://in.example.com/x",
        "secret": SECRET,
        "previous_secret": "",
        "types": "recipient.* flow.completed",
        "flows": "",
        "recipients": "",
        "batch_size": "100",
        "batch_age": "5s",
        "timeout": "15s",
        **fields,
    }
    return client.post(address, given)


def test_it_is_made_steered_and_rewound(olga: Client) -> None:
    assert save(olga).status_code == 302
    subscription = EventSubscription.objects.get()
    assert subscription.types == ["recipient.*", "flow.completed"]
    EventSubscription.objects.update(tx=0)
    event = write()[0]
    page = olga.get(f"{LIST}{subscription.pk}/change/").content.decode()
    assert "events of the record" in page
    assert SECRET not in olga.get(LIST).content.decode()

    def act(name: str, **fields: str) -> Any:
        given = {"_form_submitted": "True", **fields}
        return olga.post(f"{LIST}{subscription.pk}/{name}/", given)

    act("pause", reason="their disk is full")
    subscription.refresh_from_db()
    assert subscription.paused_reason == "their disk is full"
    act("rewind", to=event, reason="they lost some")
    act("resume", reason="they have a new one")
    subscription.refresh_from_db()
    assert subscription.after == event
    assert subscription.paused_at is None
    recorded = Event.objects.filter(type__startswith="subscription.")
    assert {(one.type, one.data["by"]) for one in recorded} == {
        ("subscription.paused", "olga"),
        ("subscription.rewound", "olga"),
        ("subscription.resumed", "olga"),
    }
    for nonsense in ("evt_nonsense", "yesterday", ""):
        act("rewind", to=nonsense, reason="x")
    subscription.refresh_from_db()
    assert subscription.after == event


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://in.example.com"},
        {"url": "https://user:password@in.example.com/"},
        {"url": "http://169.254.169.254/latest/meta-data/"},
        {"url": "https://[::ffff:10.0.0.1]/"},
        {"secret": "short"},
        {"types": "nonsense.*"},
        {"flows": "nonsense"},
        {"batch_size": "1001"},
        {"timeout": "5m"},
    ],
)
def test_it_says_what_is_wrong(olga: Client, wrong: dict[str, str]) -> None:
    assert save(olga, **wrong).status_code == 200
    assert not EventSubscription.objects.exists()


def test_auditors_look_and_account_managers_do_not(client: Client, olga: Client) -> None:
    save(olga)
    pk = EventSubscription.objects.get().pk
    client.force_login(make_user("aud", role="auditor"))
    assert client.get(f"{LIST}{pk}/change/").status_code == 200
    client.post(f"{LIST}{pk}/pause/", {"_form_submitted": "True", "reason": "x"})
    assert EventSubscription.objects.get().paused_at is None
    client.force_login(make_user("dana", role="account_manager"))
    assert client.get(LIST).status_code == 403
