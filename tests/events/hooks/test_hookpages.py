"""Hooks in the console and in bundles: presets, what would have been, what cannot be saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events.hooks import trying
from events.hooks.presets import PRESETS
from events.models import EventHook, LeadTag
from leadops.config import loading
from recipients.outcomes import Outcome
from tests.factories import (
    count,
    deliver_lead,
    make_flow,
    make_recipient,
    make_source,
    make_user,
)

pytestmark = pytest.mark.django_db
ADD = "admin:events_eventhook_add"
NEW = {
    "name": "Failures",
    "slug": "failures",
    "metric": "",
    "types": "recipient.error",
    "flows": "",
    "recipients": "",
    "when": "",
    "per": "recipient",
    "times": "2",
    "within": "10m",
    "reset": "",
    "cool_down": "5m",
    "direction": "above",
    "days": "14",
    "deviations": "3",
    "factor": "",
    "minimum": "20",
    "tag": "",
    "pause": "",
    "url": "",
    "secret": "",
    "previous_secret": "",
}


@pytest.fixture
def ops(client: Client) -> Client:
    client.force_login(make_user())
    return client


@pytest.fixture
def scene() -> Any:
    source, buyer = make_source(), make_recipient()
    return make_flow(source, buyer), source, buyer


def save(client: Client, **fields: str) -> str:
    """The page after it, with what was wrong."""
    answer = client.post(reverse(ADD), {**NEW, **fields}, follow=True)
    return answer.content.decode()


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_fills_a_form_that_can_be_saved(ops: Client, slug: str) -> None:
    page = ops.get(reverse(ADD), {"preset": slug}).content.decode()
    assert PRESETS[slug].title in page
    hook = EventHook(slug=slug, name="A", **PRESETS[slug].initial)
    hook.full_clean()


def test_it_shows_what_would_have_been_before_it_is_switched_on(ops: Client, scene: Any) -> None:
    flow, source, buyer = scene
    deliver_lead(flow, source, outcomes={buyer.slug: [Outcome.SERVER_ERROR] * 3})
    assert "was added successfully" in save(ops)
    hook = EventHook.objects.get()
    assert not hook.active
    page = reverse("admin:events_eventhook_change", args=[hook.pk])
    answer = ops.get(page, {"try": "1"}).content.decode()
    assert "would have fired <strong>1 time</strong> on the last 3 events" in answer
    assert "2 times within 10m" in answer
    assert not hook.firings.exists()


def test_the_try_out_of_figures_looks_at_a_day(scene: Any) -> None:
    hook = EventHook(slug="few", name="Few", metric="leads", direction="below", minimum=5)
    now = datetime(2026, 3, 20, 15, 30, tzinfo=UTC)
    for back in range(1, 6):
        count(datetime(2026, 3, 20 - back, 14, tzinfo=UTC), "lead", n=50)
    trial = trying.tried(hook, now)
    assert (trial.looked, trial.times) == (24, 1)
    assert "leads 0 in the hour from 2026-03-20 14:00" in trial.shown[0].text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"when": '{"field": "email", "op": "contains", "value": "@"}'}, "personal values"),
        ({"types": "hook.fired"}, "Hooks do not see what hooks did"),
        ({"pause": "recipient", "cool_down": "0s"}, "rests for a minute at least"),
        ({"url": "https://example.com/x"}, "give it a secret"),
        ({"metric": "leads", "types": "", "per": "recipient"}, "before any recipient is asked"),
        ({"tag": "High Value"}, "small letters"),
        ({"recipients": "nobody"}, "no recipient"),
        ({"when": '{"field": "event.reason", "op": "matches", "value": "(a+)+"}'}, "for ever"),
    ],
)
def test_it_refuses_what_could_not_work(
    ops: Client, scene: Any, fields: dict[str, str], said: str
) -> None:
    assert said in save(ops, **fields)
    assert not EventHook.objects.exists()


def test_auditors_read_and_account_managers_do_not(client: Client) -> None:
    hook = EventHook.objects.create(slug="a", name="A")
    page = reverse("admin:events_eventhook_change", args=[hook.pk])
    client.force_login(make_user("ada", role="auditor"))
    assert client.get(page).status_code == 200
    assert client.post(page, NEW).status_code == 403
    client.force_login(make_user("amy", role="account_manager"))
    assert client.get(page).status_code == 403


def test_leads_are_found_by_their_tags(ops: Client, scene: Any) -> None:
    flow, source, _ = scene
    tagged, other = deliver_lead(flow, source), deliver_lead(flow, source, email="b@example.com")
    LeadTag.objects.create(lead_id=tagged, tag="high-value")
    page = ops.get(reverse("leads:search"), {"tag": "high-value"}).content.decode()
    assert tagged in page
    assert other not in page
    assert "high-value" in ops.get(reverse("leads:lead", args=[tagged])).content.decode()


BUNDLE = b"""
leadops: 1
channels:
  - slug: ops
    url: mailto://ops@example.com
hooks:
  - slug: failures
    name: Failures
    types: [recipient.error]
    when: {field: event.failure.category, op: is, value: temporary}
    per: recipient
    times: 5
    within: 1h
    cool_down: 30m
    pause: recipient
    notify: [ops]
    active: true
"""


def test_a_bundle_says_all_of_it() -> None:
    loading.load(BUNDLE, name="a.yaml")
    hook = EventHook.objects.get()
    assert (hook.times, hook.within, hook.pause) == (5, 3600.0, "recipient")
    assert hook.armed_at is not None
    assert hook.armed_at <= timezone.now() < hook.armed_at + timedelta(hours=1)
    assert [channel.slug for channel in hook.notify.all()] == ["ops"]
    assert not loading.compare(loading.dump().encode(), name="b.yaml").changes
