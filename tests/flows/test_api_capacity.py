"""A recipient's caps, hours and limits over the API and on its page."""

from __future__ import annotations

import pytest
from django.test import Client

from flows import plans
from flows.models import Flow, FlowSource, Step, StepRecipient
from recipients.models import PartnerKey, Recipient
from recipients.outcomes import Outcome
from tests.factories import bearer, make_user
from tests.flows.delivery.test_capacity import accept, post
from tests.flows.scene import attempt, recipient, scene
from tests.pages import page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db

OPS = bearer("usr_test_key_0001")
MANAGER = bearer("usr_test_key_0003")
URL = "/api/v1/recipients/a/capacity"
PAGE = "/admin/recipients/recipient/{}/change/"


@pytest.fixture
def here():
    made = recipient("a")
    made.caps = [{"count": 3, "per": "day"}, {"money": "500.00", "per": "month"}]
    made.limits = {"concurrency": 1, "per_minute": 60}
    made.hours = {"daily": "24h"}
    made.save()
    make_user("olga", role="ops", key="usr_test_key_0001")
    make_user("dana", role="account_manager", key="usr_test_key_0003")
    found = scene(made)
    post(found, 3)
    starts = found.start()
    accept(found, starts)
    found.start()
    return found


def test_it_says_what_is_used_and_what_waits(here):
    found = Client().get(URL, **OPS).json()
    day, month = found["caps"]
    assert (day["used"], day["reserved"], day["limit"]) == (1, 1, 3)
    assert (month["unit"], month["used"], month["limit"]) == ("money", 45, 500)
    assert found["hours"]["open"] is True
    assert [each["of"] for each in found["limits"]] == ["at once", "a minute"]
    assert (found["limits"][0]["used"], found["limits"][0]["waiting"]) == (1, 1)
    assert found["held_count"] == 1
    assert found["held"][0]["reason"].startswith("Concurrency limit")
    assert found["held"][0]["goes_at"] is not None


def test_it_tells_what_it_has_in_steps(here):
    row = StepRecipient.objects.get()
    row.caps = [{"count": 2, "per": "week"}]
    row.save()
    found = Client().get(URL, **OPS).json()
    assert [each["step"] for each in found["caps"]] == ["", "", "Auto, buyers"]


def test_it_tells_of_the_caps_of_flows_their_sources_and_steps(here):
    Flow.objects.update(caps=[{"count": 10, "per": "month"}])
    FlowSource.objects.update(caps=[{"money": "90.00", "per": "month"}])
    Step.objects.filter(name="buyers").update(caps=[{"count": 2, "per": "week"}])
    StepRecipient.objects.update(caps=[{"count": 2, "per": "week"}])
    plans.changed()
    post(here)
    url = f"/api/v1/flows/{here.flow.slug}/capacity"
    found = Client().get(url, **OPS).json()
    assert [(each["of"], each["used"]) for each in found["caps"]] == [
        ("", 1), ("Web Form A", 15), ("buyers", 0), ("buyers, A", 0),
    ]  # fmt: skip
    assert Client().get(url, **MANAGER).status_code == 404
    admin = sign_in(make_user("otto"))
    for obj in (here.flow, Step.objects.get(name="buyers")):
        assert "0 of 2 per week" in text_of(admin.get(page_of(obj)))


def test_a_partner_sees_its_own_and_no_leads(here):
    buyer = Recipient.objects.get()
    key = "rcp_test_key_0009"
    made = PartnerKey(recipient=buyer)
    made.set(key)
    made.save()
    found = Client().get(URL, **bearer(key)).json()
    assert found["caps"][0]["used"] == 1
    assert found["held"] == []
    assert found["held_count"] == 1
    recipient("b")
    assert Client().get(URL.replace("/a/", "/b/"), **bearer(key)).status_code == 404


def test_whoever_does_not_see_the_recipient_sees_nothing(here):
    assert Client().get(URL, **MANAGER).status_code == 404
    assert Client().get(URL).status_code == 401


def test_its_page_shows_bars_and_takes_them(here):
    ops = sign_in(make_user("otto"))
    url = PAGE.format(Recipient.objects.get().pk)
    text = text_of(ops.get(url))
    assert "2 of 3 per day" in text
    assert "1 waiting" in text
    answer = submit(ops, url, caps="- {count: 7, per: week}", hours="{mon-fri: 9am-5pm}")
    assert answer.status_code == 302
    assert Recipient.objects.get().caps == [{"count": 7, "per": "week"}]
    wrong = submit(ops, url, caps="- {count: 7, per: year}")
    assert "0.per" in text_of(wrong)


def test_its_page_opens_without_any(client):
    made = recipient("a")
    ops = sign_in(make_user("otto"))
    assert "Always open, without caps or limits." in text_of(ops.get(PAGE.format(made.pk)))
    assert attempt(Outcome.ACCEPTED).result.accepted
