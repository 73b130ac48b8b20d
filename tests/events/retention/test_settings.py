"""The page of the record's settings: what they would take, who may change them and trim."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from events.models import Event, Exchange, RecordSettings, TrimRun
from events.retention import gone, terms
from flows.models import Flow
from leadops.accounts.models import User
from leadops.lib import durations
from recipients.outcomes import Outcome
from tests.events.retention.ages import DAY, keep, month_of, older
from tests.flows.scene import attempt, recipient, scene
from tests.pages import errors_of, sign_in, submit

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/events/recordsettings/1/change/"


def signed_in(role: str) -> Client:
    return sign_in(User.objects.create_user(username=role, role=role))


@pytest.fixture
def old():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[attempt(Outcome.ACCEPTED)])
    older(100)
    return answer


def test_the_list_opens_on_the_one_row_and_a_change_is_recorded():
    admin = signed_in("administrator")
    assert admin.get("/admin/events/recordsettings/").url == PAGE
    given = {"exchanges_kept": "90d", "snapshots_kept": "forever", "events_kept": "400d"}
    assert submit(admin, PAGE, **given).status_code == 302
    changed = Event.objects.get(type="config.changed")
    assert changed.data["before"]["events_kept"] == "forever"
    assert changed.data["after"]["exchanges_kept"] == "90d"
    assert RecordSettings.current().snapshots_kept == durations.FOREVER
    refused = submit(admin, PAGE, events_kept="3h")
    assert any("Keep it for a day at least" in each for each in errors_of(refused))


def test_it_shows_what_would_go_and_what_waits(old):
    keep(events=40, exchanges=30)
    page = signed_in("administrator").get(PAGE)
    rows = {month: cells for month, cells in page.context["months"].rows}
    exchanges, snapshots, events = rows[month_of(100)]
    assert (exchanges.fate, snapshots.fate, events.fate) == ("goes", "stays", "waits")
    assert "not sealed yet" in page.content.decode()
    assert Exchange.objects.exists()


def test_only_an_administrator_trims(old):
    keep(exchanges=30)
    ops = signed_in("ops")
    assert "Trim now" not in ops.get(PAGE).content.decode()
    assert ops.post("/admin/events/recordsettings/1/trim/").status_code == 403
    admin = signed_in("administrator")
    assert admin.get("/admin/events/recordsettings/1/trim/").status_code == 405
    admin.post("/admin/events/recordsettings/1/trim/")
    assert TrimRun.objects.get().state == "running"
    assert "Stop it" in admin.get(PAGE).content.decode()
    admin.post("/admin/events/recordsettings/1/trim/", {"cancel": "1"})
    assert TrimRun.objects.get().state == "cancelled"


def test_pages_and_the_api_say_what_is_no_longer_kept(old):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_exchange")
    Flow.objects.update(exchanges_kept=60 * DAY)
    ops = signed_in("ops")
    shown = ops.get(f"/api/v1/leads/{old.lead_id}/events").json()["results"]
    ends = next(each for each in shown if each["type"] == "recipient.delivered")
    assert ends["exchange"] == "no longer kept (60 days)"
    assert gone.words(terms.Kept.SNAPSHOTS, "") == "no longer kept"
