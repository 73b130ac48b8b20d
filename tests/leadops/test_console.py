"""The console's frame: sidebar and landing page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import Alert
from flows.byhand import steering
from flows.models import Pump
from leadops import console
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


def test_it_leads_nowhere_where_there_is_no_page():
    assert console.address("no:such-page") == "#"
    assert not console.there("no:such-page")(None)


def test_it_guides_through_the_first_steps(ops):
    text = text_of(ops.get("/admin/"))
    assert "First steps" in text
    make_flow(make_source(), make_recipient())
    assert "First steps" not in text_of(ops.get("/admin/"))


def test_it_says_that_no_worker_is_alive(ops):
    assert "nothing is being sent" in text_of(ops.get("/admin/"))
    Pump.objects.create(slot=1, pid=1, host="here", beat=timezone.now())
    assert "1 alive" in text_of(ops.get("/admin/"))
    Pump.objects.update(beat=timezone.now() - timedelta(minutes=5))
    assert "nothing is being sent" in text_of(ops.get("/admin/"))


def test_it_shows_what_needs_somebody(ops):
    recipient, source = make_recipient(), make_source()
    post_lead(make_flow(source, recipient), source)
    steering.pause_recipient(recipient, by="olga", reason="Their CRM is down")
    Alert.objects.create(subject=recipient.id, text="Delivery rate is low")
    text = text_of(ops.get("/admin/"))
    assert "Their CRM is down" in text
    assert "Delivery rate is low" in text


def test_it_counts_open_alerts_in_the_sidebar(ops):
    page = ops.get("/admin/flows/flow/")
    groups = page.context["sidebar_navigation"]
    items = {item["title"]: item for group in groups for item in group["items"]}
    assert "badge" not in items["Open alerts"]
    Alert.objects.create(subject="x", text="Low")
    page = ops.get("/admin/flows/flow/")
    groups = page.context["sidebar_navigation"]
    items = {item["title"]: item for group in groups for item in group["items"]}
    assert items["Open alerts"]["badge"] == "1"


def test_it_lands_within_a_few_queries(ops, django_assert_max_num_queries):
    make_flow(make_source(), *[make_recipient(f"buyer-{n}") for n in range(8)])
    with django_assert_max_num_queries(20):
        ops.get("/admin/")


def test_it_marks_the_page_that_is_open(ops):
    def marked(path: str) -> list[str]:
        groups = ops.get(path).context["sidebar_navigation"]
        return [item["title"] for group in groups for item in group["items"] if item["active"]]

    assert marked("/events/") == ["Events"]
    assert marked("/admin/events/channel/") == ["Channels"]
    assert marked("/leads/") == ["Leads"]
