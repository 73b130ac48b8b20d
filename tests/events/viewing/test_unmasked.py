"""Who is shown no personal values has none sent anywhere either."""

from __future__ import annotations

import pytest
from django.test import Client

from events.models import Event, EventSubscription, RecordSettings
from events.pushing import batches
from events.visibility import of_user
from leadops.lib.admin import change_url
from tests import factories
from tests.pages import form_of, sign_in

pytestmark = pytest.mark.django_db
ADD = "/admin/events/eventsubscription/add/"
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def add(client: Client, slug: str) -> None:
    form = form_of(client.get(ADD))
    client.post(ADD, {**form, "slug": slug, "url": "https://b.example/x", "secret": SECRET})


def test_masked_roles_make_masked_subscriptions_and_leave_others_alone():
    RecordSettings.objects.update_or_create(id=1, defaults={"personal_shown_to": []})
    open_one = EventSubscription.objects.create(
        slug="open", url="https://a.example/x", secret=SECRET
    )
    client = sign_in(factories.make_user("olga"))
    add(client, "mine")
    assert EventSubscription.objects.get(slug="mine").masked
    page = change_url(EventSubscription, open_one.pk)
    assert client.post(page, {"url": "https://olga.example/x"}).status_code == 403
    assert client.post(page.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    RecordSettings.objects.update(personal_shown_to=["ops"])
    add(client, "seen")
    assert not EventSubscription.objects.get(slug="seen").masked


def test_a_masked_subscription_gets_no_personal_values():
    source, recipient = factories.make_source(), factories.make_recipient()
    lead_id = factories.deliver_lead(factories.make_flow(source, recipient), source)
    events = list(Event.objects.filter(lead_id=lead_id))
    for masked in (False, True):
        row = EventSubscription(slug="x", with_lead=True, masked=masked)
        said = b"".join(batches._shown(row, events)).decode()
        assert (factories.VALUES["email"] in said) is not masked
        assert "TX" in said


def test_roles_see_what_the_settings_say():
    users = [factories.make_user(role, role=role) for role in ("auditor", "account_manager")]
    assert [of_user(user).sees_personal for user in users] == [True, False]
    RecordSettings.objects.update_or_create(
        id=1, defaults={"personal_shown_to": ["account_manager"]}
    )
    again = [type(user).objects.get(pk=user.pk) for user in users]
    assert [of_user(user).sees_personal for user in again] == [False, True]
