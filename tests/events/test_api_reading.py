"""How the record is read over the API: cursors, chosen fields, answers that are not sent twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework import exceptions

from events import cursors
from events.api import frugal
from events.api.selecting import Selection
from events.models import Event, Trim
from tests.events.test_api import DANA, OLGA, WEB, World, get

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def cursor_of(url: str) -> str:
    return url.rpartition("cursor=")[2]


def complaint(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    fields: dict[str, str] = answer.json()["error"]["fields"]
    return fields


# --- cursors


def test_it_takes_no_cursor_that_it_did_not_make(client: Client, world: World):
    world.lead()
    good = cursor_of(get(client, "events", limit="2").json()["next"])
    place, _, signature = good.partition(".")
    other = cursors.encode(datetime.now(UTC) + timedelta(days=9), "evt_zzz")
    for forged in (other, f"{other}.{signature}", place, f"{place}.AAAA", f"{good}x", "%00", "é"):
        assert "cursor" in complaint(get(client, "events", limit="2", cursor=forged)), forged
    assert get(client, "events", limit="2", cursor=good).status_code == 200


def test_a_cursor_is_good_for_its_own_list_alone(client: Client, world: World):
    lead_id = world.lead()
    cursor = cursor_of(get(client, "events", limit="1", type="recipient.*").json()["next"])
    for path, query in (
        ("events", {}),
        ("events", {"type": "filter.*"}),
        ("flows/auto-insurance/events", {"type": "recipient.*"}),
        (f"leads/{lead_id}/events", {"type": "recipient.*"}),
    ):
        said = complaint(get(client, path, cursor=cursor, **query))
        assert "another list" in said["cursor"]


def test_a_cursor_lets_page_size_and_fields_change(client: Client, world: World):
    world.lead()
    first = get(client, "events", limit="1").json()
    rest = get(client, "events", limit="9", fields="id", cursor=cursor_of(first["next"])).json()
    ids = [event["id"] for event in first["results"] + rest["results"]]
    newest_first = Event.objects.order_by("-timestamp", "-id").values_list("id", flat=True)
    assert ids == list(newest_first)


def test_it_says_that_what_a_cursor_points_at_is_gone(client: Client, world: World):
    world.lead()
    cursor = cursor_of(get(client, "events", limit="2").json()["next"])
    now = datetime.now(UTC)
    Trim.objects.create(
        table_name="events_event", month=now.date().replace(day=1), whole=True,
        until=now + timedelta(days=1), run="trm_1", rows=1,
    )  # fmt: skip
    assert "no longer kept" in complaint(get(client, "events", limit="2", cursor=cursor))["cursor"]


# --- periods


def test_a_period_does_not_end_before_it_begins(client: Client, world: World):
    for path in ("events", "flows/auto-insurance/events", f"leads/{world.lead()}/events"):
        said = complaint(get(client, path, start="2026-02-02", end="2026-02-01"))
        assert said == {"start": "It must be before end."}


def test_it_names_all_that_is_wrong_at_once(client: Client, world: World):
    said = complaint(get(client, "events", limit="0", type="x", end="soon", fields="nope"))
    assert set(said) == {"limit", "type", "end", "fields"}


# --- fields


def test_it_gives_the_fields_that_are_asked_for(client: Client, world: World):
    world.lead()
    wanted = "id, type,recipient.name,delivery.price,response.parsed.acceptance,lead.email.domain"
    (event,) = get(client, "events", type="recipient.delivered", fields=wanted).json()["results"]
    assert event == {
        "id": event["id"],
        "type": "recipient.delivered",
        "recipient": {"name": "Abc Insurance"},
        "delivery": {"price": 45.0},
        "response": {"parsed": {"acceptance": True}},
        "lead": {"email.domain": "example.com"},
    }


def test_it_leaves_out_what_an_event_does_not_have(client: Client, world: World):
    events = get(client, f"leads/{world.lead()}/events", fields="seq,reason,rule_set").json()
    shown = events["results"]
    assert shown[0] == {"seq": 1, "reason": None}
    assert shown[2] == {"seq": 3, "reason": None, "rule_set": "geographic_filter"}


def test_it_names_the_fields_that_no_event_has(client: Client, world: World):
    said = complaint(get(client, "events", fields="id,colour,recipient.name,id.x,lead."))["fields"]
    for name in ("'colour'", "'id.x'", "'lead.'"):
        assert name in said
    assert "recipient" not in said
    assert "exclude" in complaint(get(client, "events", fields="lead.email", exclude="lead"))


def test_chosen_fields_are_masked_as_all_are(client: Client, world: World):
    lead_id = world.lead()
    events = get(client, f"leads/{lead_id}/events", DANA, fields="lead.email,lead.state").json()
    assert all(e == {"lead": {"email": "•••", "state": "TX"}} for e in events["results"])


def test_a_selection_keeps_the_shape_of_what_it_takes_from():
    entry = {"id": "a", "recipient": {"id": 1, "name": "N"}, "lead": None, "reasons": ["x"]}
    assert Selection.read("recipient.id,recipient.name").of(entry) == {
        "recipient": {"id": 1, "name": "N"}
    }
    assert Selection.read("lead.email,reasons.0").of(entry) == {"lead": None}
    assert Selection.read("recipient,recipient.id").of(entry) == {"recipient": entry["recipient"]}


# --- one event


def test_it_gives_one_event(client: Client, world: World):
    world.lead()
    (listed,) = get(client, "events", type="recipient.delivered").json()["results"]
    assert get(client, f"events/{listed['id']}").json() == listed
    assert get(client, f"events/{listed['id']}", fields="type").json() == {"type": listed["type"]}


def test_an_event_out_of_sight_is_not_there(client: Client, world: World):
    lead_id = world.lead(outcomes={})
    ids = dict(Event.objects.filter(lead_id=lead_id).values_list("type", "id"))
    assert get(client, "events/evt_none").status_code == 404
    assert get(client, f"events/{ids['filter.passed']}", DANA).status_code == 404
    assert get(client, f"events/{ids['recipient.delivered']}", DANA).status_code == 200
    assert get(client, f"events/{ids['recipient.delivered']}", WEB).status_code == 404
    assert get(client, f"events/{ids['filter.passed']}", WEB).status_code == 200
    assert get(client, f"events/{ids['filter.passed']}", "key-affiliate-01").status_code == 404


# --- answers that cost little


def test_it_does_not_send_what_the_caller_has(client: Client, world: World):
    lead_id = world.lead()
    event = Event.objects.filter(lead_id=lead_id).latest("seq")
    for path in (f"leads/{lead_id}", f"events/{event.id}", f"leads/{lead_id}/events", "events"):
        first = get(client, path)
        headers = {"If-None-Match": first["ETag"], **_key(OLGA)}
        again = client.get(f"/api/v1/{path}", headers=headers)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        assert "private" in first["Cache-Control"]
        headers["If-None-Match"] = '"another"'
        assert client.get(f"/api/v1/{path}", headers=headers).status_code == 200


def _key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_another_callers_answer_has_another_mark(client: Client, world: World):
    path = f"leads/{world.lead()}"
    assert get(client, path)["ETag"] != get(client, path, DANA)["ETag"]


def test_an_answer_changes_its_mark_when_something_happened(client: Client, world: World):
    world.lead()
    before = get(client, "events")["ETag"]
    world.lead(email="else@example.com")
    headers = {"If-None-Match": before, **_key(OLGA)}
    assert client.get("/api/v1/events", headers=headers).status_code == 200


def test_it_gives_up_what_takes_too_long(db: None):
    slow = pytest.raises(frugal.TooBroad)
    with slow as caught, frugal.bounded(20), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)")
    assert isinstance(caught.value, exceptions.APIException)
    assert caught.value.status_code == 422
    assert "Narrow the period" in str(caught.value.detail)
    with connection.cursor() as cursor:  # and the limit ends with it
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0",)
