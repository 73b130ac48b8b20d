"""The reading side of the API, as sources, partners and staff call it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from events.models import Event
from recipients.outcomes import Outcome
from tests import factories
from tests.factories import bearer, deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db

OLGA, DANA, WEB, ABC = (
    "key-olga-00000001",
    "key-dana-00000001",
    "key-web-0000001",
    "key-abc-0000001",
)


class World:
    def __init__(self) -> None:
        self.web = make_source("web-form-a", key=WEB)
        self.other = make_source("affiliate", key="key-affiliate-01")
        self.abc = make_recipient("abc-insurance", key=ABC)
        self.xyz = make_recipient("xyz-mutual", key="key-xyz-0000001")
        self.flow = make_flow(self.web, self.abc, self.xyz)
        make_user("olga", key=OLGA)
        make_user("dana", role="account_manager", recipients=[self.abc], key=DANA)

    def lead(self, **how: Any) -> str:
        return deliver_lead(self.flow, self.web, **how)


@pytest.fixture
def world() -> World:
    return World()


def get(client: Client, path: str, key: str = OLGA, **query: Any) -> Any:
    return client.get(f"/api/v1/{path}", query, **bearer(key))


# --- one lead


def test_it_gives_staff_the_whole_lead(client: Client, world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.DUPLICATE]})
    shown = get(client, f"leads/{lead_id}").json()
    assert shown["status"] == "done"
    assert shown["result"] == "sold"
    assert shown["flow"]["slug"] == "auto-insurance"
    assert (shown["price"], shown["revenue"], shown["margin"]) == (15.0, 45.0, 30.0)
    assert [d["state"] for d in shown["deliveries"]] == ["declined", "accepted"]
    assert shown["values"]["email"] == "john.smith@example.com"
    assert shown["values"]["email.domain"] == "example.com"


def test_it_tells_a_source_nothing_about_buyers(client: Client, world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]}, ssn="123-45-6789")
    text = get(client, f"leads/{lead_id}", WEB).content.decode()
    text += get(client, f"leads/{lead_id}/events", WEB).content.decode()
    for secret in ("bc-insurance", "bc Insurance", "yz-mutual", "45.0", "revenue", "deliver"):
        assert secret not in text
    assert "123-45-6789" not in text


def test_it_hides_a_lead_from_other_sources(client: Client, world: World):
    lead_id = world.lead()
    for path in (f"leads/{lead_id}", f"leads/{lead_id}/events"):
        assert get(client, path, "key-affiliate-01").status_code == 404
    assert get(client, "leads/lead_none").status_code == 404


def test_it_does_not_tell_a_source_why_buyers_said_no(client: Client, world: World):
    no = {"abc-insurance": [Outcome.REJECTED], "xyz-mutual": [Outcome.DUPLICATE]}
    unsold, stopped = world.lead(outcomes=no), world.lead(state="NY")
    assert get(client, f"leads/{unsold}", WEB).json()["reason"] is None
    assert get(client, f"leads/{stopped}", WEB).json()["reason"] == "State not in approved list"
    done = get(client, f"leads/{unsold}/events", WEB).json()["results"][-1]
    assert (done["type"], done["result"], done["reason"]) == ("flow.completed", "unsold", None)
    assert "sales" not in done


def test_it_masks_personal_values_for_account_managers(client: Client, world: World):
    lead_id = world.lead()
    lead = get(client, f"leads/{lead_id}", DANA).json()
    assert lead["values"]["email"] == "•••"
    assert lead["values"]["state"] == "TX"
    assert "revenue" not in lead
    text = get(client, f"leads/{lead_id}/events", DANA).content.decode()
    for value in ("john", "smith", "5551234", "555-1234"):
        assert value not in text.lower()


def test_it_hides_leads_of_other_recipients_from_account_managers(client: Client, world: World):
    stopped = world.lead(state="NY")
    assert get(client, f"leads/{stopped}", DANA).status_code == 404
    assert get(client, f"leads/{stopped}/events", DANA).status_code == 404


def test_it_shows_account_managers_only_their_recipients_events(client: Client, world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]})
    for path in (f"leads/{lead_id}/events", "events", "flows/auto-insurance/events"):
        events = get(client, path, DANA).json()["results"]
        assert {event["entity_id"] for event in events} == {world.abc.id}


# --- events


def test_it_gives_a_leads_timeline_in_order(client: Client, world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.ACCEPTED]})
    events = get(client, f"leads/{lead_id}/events").json()["results"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events] == [
        "source.submitted",
        "source.accepted",
        "filter.passed",
        "recipient.delivery_attempt",
        "recipient.error",
        "retry.scheduled",
        "retry.attempted",
        "recipient.delivery_attempt",
        "recipient.delivered",
        "flow.completed",
    ]


def test_it_puts_the_types_fields_beside_the_envelope(client: Client, world: World):
    lead_id = world.lead()
    shown = get(client, "events", type="recipient.delivered").json()["results"]
    event = shown[0]
    assert event["lead_id"] == lead_id
    assert event["flow_id"] == world.flow.id
    assert event["recipient"]["slug"] == "abc-insurance"
    assert (event["outcome"], event["duration_ms"]) == ("accepted", 250)
    assert (event["delivery"]["price"], event["delivery"]["margin"]) == (45.0, 30.0)
    assert event["response"]["parsed"]["acceptance"] is True
    assert event["metadata"]["attempt_number"] == 1
    assert event["lead"]["email.domain"] == "example.com"
    assert event["timestamp"].endswith("Z")
    assert len(event["timestamp"]) == len("2024-01-15T10:30:47.234Z")


def test_it_leaves_out_snapshots_on_request(client: Client, world: World):
    world.lead()
    events = get(client, "events", exclude="lead").json()["results"]
    assert all("lead" not in event for event in events)


def test_it_shows_the_raw_lead_first_and_the_parsed_one_after(client: Client, world: World):
    events = get(client, f"leads/{world.lead()}/events").json()["results"]
    assert events[0]["lead"]["phone_1"] == "(512) 555-1234"
    assert "phone_1.area" not in events[0]["lead"]
    assert events[1]["lead"]["phone_1.area"] == "512"


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ({"type": "source.*"}, {"source.submitted", "source.accepted"}),
        ({"type": ["filter.passed", "flow.*"]}, {"filter.passed", "flow.completed"}),
        ({"type": "recipient.*", "outcome": "rejected"}, {"recipient.failed"}),
        ({"type": "feedback.*"}, set()),
    ],
)
def test_it_filters_by_type_and_outcome(client: Client, world: World, query: Any, types: set[str]):
    world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]})
    events = get(client, "events", **query).json()["results"]
    assert {event["type"] for event in events} == types


def test_it_filters_a_timeline_as_well(client: Client, world: World):
    path = f"leads/{world.lead(outcomes={'abc-insurance': [Outcome.REJECTED]})}/events"
    events = get(client, path, type="recipient.*", outcome="rejected").json()["results"]
    assert [event["type"] for event in events] == ["recipient.failed"]
    assert get(client, path, type="recipient.exploded").status_code == 422


def test_it_shows_what_the_buyer_said_on_the_last_failure_too(client: Client, world: World):
    world.lead(outcomes={"abc-insurance": [Outcome.UNAUTHORIZED]})
    (event,) = get(client, "events", type="recipient.failed").json()["results"]
    assert set(event["response"]) == {"status_code", "body", "parsed"}


def test_it_filters_by_lead_entity_flow_and_time(client: Client, world: World):
    one, other = world.lead(), world.lead(email="else@example.com")
    found = get(client, "events", lead_id=one).json()["results"]
    assert {event["lead_id"] for event in found} == {one}
    found = get(client, "events", entity_id=world.abc.id).json()["results"]
    assert {event["lead_id"] for event in found} == {one, other}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert get(client, "events", start=tomorrow).json()["results"] == []
    assert get(client, "events", end="2024-01-15").json()["results"] == []
    assert len(get(client, "events", start="2024-01-15").json()["results"]) == 12
    for name in ("auto-insurance", world.flow.id):
        assert len(get(client, f"flows/{name}/events").json()["results"]) == 12
    assert get(client, "flows/nothing/events").status_code == 404


def test_it_includes_the_whole_day_named_as_an_end(client: Client, world: World):
    world.lead()
    today = datetime.now(UTC).date().isoformat()
    assert get(client, "events", start=today, end=today).json()["results"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"type": "recipient.exploded"}, "type"),
        ({"type": "nothing.*"}, "type"),
        ({"outcome": "fine"}, "outcome"),
        ({"start": "yesterday"}, "start"),
        ({"end": "2024-02-31"}, "end"),
        ({"start": "0001-01-01T00:00:00+14:00"}, "start"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"cursor": "%%%"}, "cursor"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"exclude": "everything"}, "exclude"),
        ({"lead_id": "a\0b"}, "lead_id"),
    ],
)
def test_it_names_the_parameter_that_is_wrong(client: Client, world: World, query: Any, field: str):
    answer = get(client, "events", **query)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]


@pytest.mark.parametrize("path", ["events", "flows/auto-insurance/events"])
def test_it_pages_without_gaps_or_repeats(client: Client, world: World, path: str):
    for n in range(4):
        world.lead(email=f"p{n}@example.com")
    url, seen = f"/api/v1/{path}?limit=5", []
    while url:
        page = client.get(url, **bearer(OLGA)).json()
        seen += [event["id"] for event in page["results"]]
        url = page["next"]
    newest_first = Event.objects.order_by("-timestamp", "-id").values_list("id", flat=True)
    assert seen == list(newest_first)


def test_it_pages_through_a_timeline(client: Client, world: World):
    lead_id = world.lead()
    url, seen = f"/api/v1/leads/{lead_id}/events?limit=2", []
    while url:
        page = client.get(url, **bearer(OLGA)).json()
        seen += [event["seq"] for event in page["results"]]
        url = page["next"]
    assert seen == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("path", ["events", "flows/auto-insurance/events"])
@pytest.mark.parametrize(("key", "status"), [(WEB, 403), (ABC, 403), ("nonsense", 401)])
def test_it_keeps_event_lists_for_staff(
    client: Client, world: World, path: str, key: str, status: int
):
    assert get(client, path, key).status_code == status


def test_it_reads_a_page_of_events_in_few_queries(
    client: Client, world: World, django_assert_max_num_queries: Any
):
    for n in range(5):
        world.lead(email=f"p{n}@example.com")
    with django_assert_max_num_queries(11):
        assert len(get(client, "events").json()["results"]) == 30
    with django_assert_max_num_queries(14):
        get(client, "events", DANA)


# --- metrics


def test_it_measures_a_recipient(client: Client, world: World):
    deliver_lead(
        world.flow,
        world.web,
        outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.ACCEPTED]},
    )
    world.lead(email="b@example.com", outcomes={"abc-insurance": [Outcome.REJECTED]})
    world.lead(email="c@example.com", test=True)
    shown = get(client, "recipients/abc-insurance/metrics").json()
    total = shown["total"]
    assert (total["attempts"], total["accepted"], total["rejected"], total["failed"]) == (
        3,
        1,
        1,
        0,
    )
    assert total["delivery_rate"] == 0.5
    assert total["error_rate"] == pytest.approx(1 / 3, abs=1e-4)
    assert (total["revenue"], total["cost"], total["margin"]) == (45.0, 15.0, 30.0)
    assert total["response_ms"]["avg"] == 250
    assert total["response_ms"]["p95"] == pytest.approx(250, rel=0.025)


@pytest.mark.parametrize("group", ["flow", "source", "outcome", "category", "reason", "attempt"])
@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
def test_its_intervals_and_groups_add_up(client: Client, world: World, group: str, interval: str):
    world.lead(outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.ACCEPTED]})
    world.lead(email="b@example.com", outcomes={"abc-insurance": [Outcome.REJECTED]})
    shown = get(
        client,
        "recipients/abc-insurance/metrics",
        group_by=group,
        interval=interval,
        tz="Asia/Kolkata",
    ).json()
    for name in ("attempts", "accepted", "rejected", "revenue", "cost"):
        total = shown["total"][name]
        assert sum(step[name] for step in shown["series"]) == total
        assert sum(each["total"][name] for each in shown["groups"]) == total
    assert shown["total"]["attempts"] == 3
    assert all(group in each for each in shown["groups"])


def test_its_days_are_those_of_the_zone(client: Client, world: World):
    late = datetime(2026, 3, 1, 3, tzinfo=UTC)  # still 28 February in New York
    factories.count(late, "delivery", n=4, recipient_id=world.abc.id)
    shown = get(
        client,
        "recipients/abc-insurance/metrics",
        start="2026-02-27",
        end="2026-03-02",
        interval="day",
        tz="America/New_York",
    ).json()
    assert [(s["start"][:13], s["accepted"]) for s in shown["series"]] == [
        ("2026-02-27T05", 0),
        ("2026-02-28T05", 4),
        ("2026-03-01T05", 0),
        ("2026-03-02T05", 0),
    ]


def test_a_partner_reads_its_own_metrics_without_our_costs(client: Client, world: World):
    world.lead()
    shown = get(client, "recipients/abc-insurance/metrics", ABC).json()
    assert shown["total"]["revenue"] == 45.0
    assert "cost" not in shown["total"]
    assert "margin" not in shown["series"][0]
    assert get(client, "recipients/xyz-mutual/metrics", ABC).status_code == 404
    assert get(client, "recipients/xyz-mutual/metrics", DANA).status_code == 404
    assert get(client, "recipients/abc-insurance/metrics", WEB).status_code == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"interval": "minute"}, "interval"),
        ({"group_by": "colour"}, "group_by"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"tz": "../../etc/passwd"}, "tz"),
        ({"start": "soon"}, "start"),
        ({"start": "2026-02-02", "end": "2026-01-01"}, "start"),
        ({"start": "1990-01-01", "interval": "hour"}, "interval"),
    ],
)
def test_it_refuses_senseless_measures(client: Client, world: World, query: Any, field: str):
    answer = get(client, "recipients/abc-insurance/metrics", **query)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]


# --- the session and the pages


def test_staff_may_read_but_not_write_with_their_session(client: Client, world: World):
    world.lead()
    client.login(username="olga", password="correct-horse")
    assert client.get("/api/v1/events").status_code == 200
    answer = client.post("/api/v1/feedback", "{}", content_type="application/json")
    assert answer.status_code == 401


def test_it_describes_every_call_to_anybody(client: Client, db: None):
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/").content.decode()
    for path in ("/api/v1/events", "/api/v1/leads/{lead_id}", "/api/v1/flows/{flow}/leads"):
        assert path in page
    assert "http://" not in page.replace('xmlns="http://', "")


@pytest.mark.parametrize("path", ["", "nothing", "events/", "leads/x/y/z"])
def test_it_answers_in_its_own_shape_where_there_is_no_call(client: Client, path: str):
    for ask in (client.get, client.post):
        answer = ask(f"/api/v1/{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
