"""Alerts, their thresholds and channels; the record of operations."""

from __future__ import annotations

import pytest

from events.models import Alert, AlertThreshold, Channel, Event
from flows.byhand import steering
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


def test_it_adds_a_threshold(ops):
    channel = Channel.objects.create(slug="ops", url="mailto://ops@example.com")
    answer = submit(
        ops,
        "/admin/events/alertthreshold/add/",
        name="Delivery rate low",
        below="0.9",
        over="15m",
        notify=[str(channel.pk)],
        escalate_after="1h",
    )
    assert answer.status_code == 302, errors_of(answer)
    threshold = AlertThreshold.objects.get()
    assert (threshold.over, threshold.escalate_after) == (900, 3600)
    assert Event.objects.get().data["after"]["notify"] == ["ops"]
    assert "below 0.9" in text_of(ops.get("/admin/events/alertthreshold/"))


def test_it_wants_one_bound(ops):
    page = submit(ops, "/admin/events/alertthreshold/add/", name="Low")
    assert "Set one bound: below or above." in " ".join(errors_of(page))


def test_it_takes_a_rate_as_a_share_only(ops):
    page = submit(ops, "/admin/events/alertthreshold/add/", name="Low", below="90")
    assert "A rate is a share between 0 and 1" in " ".join(errors_of(page))


def test_it_lists_open_alerts_unless_others_are_asked_for(ops):
    Alert.objects.create(subject="a", text="Still open")
    Alert.objects.create(subject="b", text="Long over", resolved_at="2026-01-01T00:00Z")
    url = "/admin/events/alert/"
    assert "Still open" in text_of(ops.get(url))
    assert "Long over" not in text_of(ops.get(url))
    assert "Long over" in text_of(ops.get(f"{url}?state=all"))
    assert "Still open" not in text_of(ops.get(f"{url}?state=resolved"))


def test_it_closes_alerts_and_records_it(ops):
    alert = Alert.objects.create(subject="rcp_x", text="Low")
    page = ops.post(
        "/admin/events/alert/",
        {"action": "resolve_selected", "_selected_action": [alert.pk]},
        follow=True,
    )
    assert "Closed 1 alert." in text_of(page)
    alert.refresh_from_db()
    assert alert.resolved_at
    assert Event.objects.get().type == "alert.resolved"


def test_it_lets_an_auditor_close_nothing():
    alert = Alert.objects.create(subject="rcp_x", text="Low")
    client = sign_in(make_user("aud", role="auditor"))
    client.post(
        "/admin/events/alert/", {"action": "resolve_selected", "_selected_action": [alert.pk]}
    )
    alert.refresh_from_db()
    assert alert.resolved_at is None


def test_it_shows_operations_and_nothing_about_leads(ops):
    source, recipient = make_source(), make_recipient()
    deliver_lead(make_flow(source, recipient), source)
    steering.pause_recipient(recipient, by="olga", reason="CRM down")
    page = ops.get("/admin/events/event/")
    assert "CRM down" in text_of(page)
    assert "recipient.delivered" not in text_of(page)
    lead_event = Event.objects.filter(type="recipient.delivered").get()
    assert ops.get(page_of(lead_event)).status_code == 302


def test_it_shows_a_change_with_before_and_after(ops):
    recipient = make_recipient()
    submit(ops, page_of(recipient), tier="basic")
    text = text_of(ops.get(page_of(Event.objects.get())))
    assert "tier premium basic" in text


def test_it_changes_no_event(ops):
    recipient = make_recipient()
    steering.pause_recipient(recipient, by="olga")
    event = Event.objects.get()
    assert ops.post(page_of(event), {}).status_code == 403
    assert ops.post(page_of(event).replace("/change/", "/delete/")).status_code == 403


@pytest.mark.parametrize(
    "url", ["/admin/events/alert/", "/admin/events/event/", "/admin/events/alertthreshold/"]
)
def test_it_lists_within_a_few_queries(ops, url, django_assert_max_num_queries):
    for number in range(12):
        threshold = AlertThreshold.objects.create(name=f"t{number}", metric="revenue", below=number)
        Alert.objects.create(threshold=threshold, subject=f"s{number}", text="Low")
        steering.pause_recipient(make_recipient(f"r{number}"), by="olga")
    with django_assert_max_num_queries(10):
        assert ops.get(url).status_code == 200
