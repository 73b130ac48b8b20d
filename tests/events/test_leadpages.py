"""The lead pages as people open them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from events.leadpages.timeline import timeline
from events.models import Event, Lead
from events.readable import pretty
from events.snapshots import Change, compare
from recipients.outcomes import Outcome
from tests.factories import (
    deliver_lead,
    make_flow,
    make_recipient,
    make_source,
    make_user,
    post_lead,
)

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.web = make_source()
        self.abc = make_recipient("abc-insurance")
        self.xyz = make_recipient("xyz-mutual")
        self.flow = make_flow(self.web, self.abc, self.xyz)
        make_user("olga")
        make_user("dana", role="account_manager", recipients=[self.abc])

    def lead(self, **how: Any) -> str:
        return deliver_lead(self.flow, self.web, **how)


@pytest.fixture
def world() -> World:
    return World()


def signed_in(username: str = "olga") -> Client:
    client = Client()
    assert client.login(username=username, password="correct-horse")
    return client


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    page = re.sub(r"<(script|style).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def event(lead_id: str, kind: str) -> Event:
    return Event.objects.filter(lead_id=lead_id, type=kind).latest("seq")


def listed(client: Client, **query: Any) -> list[str]:
    page = client.get("/leads/", query).content.decode()
    return re.findall(r'href="/leads/(lead_\w+)/"', page)


# --- search


@pytest.mark.parametrize(
    "asked",
    [
        "john.smith@example.com",
        "  John.Smith@Example.COM ",
        "5125551234",
        "(512) 555-1234",
        "+1 512 555 1234",
    ],
)
def test_it_opens_the_one_lead_that_is_known_by_an_email_or_phone(world: World, asked: str):
    lead_id = world.lead()
    world.lead(email="other@example.com", phone_1="4155550000")
    assert signed_in().get("/leads/", {"q": asked})["Location"] == f"/leads/{lead_id}/"


def test_it_finds_by_the_ids_that_people_have_in_hand(world: World):
    lead_id = world.lead()
    delivery = Lead.objects.get(id=lead_id).deliveries.get()
    for asked in (lead_id, event(lead_id, "flow.completed").id, delivery.id):
        assert signed_in().get("/leads/", {"q": asked})["Location"] == f"/leads/{lead_id}/"


def test_it_lists_several_leads_of_one_person(world: World):
    ids = {world.lead(), world.lead()}
    assert set(listed(signed_in(), q="john.smith@example.com")) == ids


@pytest.mark.parametrize("asked", ["nobody@example.com", "lead_none", "x", "😀", "a\0b", "%", "@"])
def test_it_says_that_nothing_is_known(world: World, asked: str):
    assert "No lead is known under" in text(signed_in().get("/leads/", {"q": asked}))


def test_account_managers_find_only_their_leads(world: World):
    theirs, stopped = world.lead(), world.lead(email="s@example.com", state="NY")
    dana = signed_in("dana")
    assert dana.get("/leads/", {"q": "john.smith@example.com"})["Location"].endswith(f"{theirs}/")
    assert "No lead is known" in text(dana.get("/leads/", {"q": "s@example.com"}))
    assert listed(dana) == [theirs]
    assert dana.get(f"/leads/{stopped}/").status_code == 404


# --- the list


def test_it_lists_the_newest_first_and_filters(world: World):
    sold = world.lead()
    no = {"abc-insurance": [Outcome.REJECTED], "xyz-mutual": [Outcome.REJECTED]}
    unsold = world.lead(email="u@example.com", outcomes=no)
    stopped = world.lead(email="n@example.com", state="NY")
    rejected = world.lead(email="")
    test = world.lead(email="t@example.com", test=True)
    olga = signed_in()
    assert listed(olga) == [test, rejected, stopped, unsold, sold]
    assert listed(olga, result="sold") == [sold]
    assert listed(olga, result="stopped") == [stopped]
    assert listed(olga, status="rejected") == [rejected]
    assert listed(olga, test="only") == [test]
    assert listed(olga, test="no", recipient="xyz-mutual") == [unsold]
    assert listed(olga, flow="auto-insurance", source="web-form-a", period="1d")[-1] == sold
    assert listed(olga, flow="none") == listed(olga, source="none") == []
    assert listed(olga, status="nonsense", after="nonsense")[0] == test


def test_it_pages_without_counting(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("events.leadpages.listing.PAGE", 2)
    ids = [world.lead(email=f"p{n}@example.com") for n in range(5)]
    olga, seen, url = signed_in(), [], "/leads/?flow=auto-insurance"
    while url:
        page = olga.get(url).content.decode()
        seen += re.findall(r'href="/leads/(lead_\w+)/"', page)
        older = re.search(r'href="([^"]+)"[^>]*>Older<', page)
        older = older or re.search(r'rel="next" href="([^"]+)"', page)
        url = f"/leads/{unescape(older[1])}" if older else ""
    assert seen == ids[::-1]


def test_the_list_needs_few_queries_and_never_counts(
    world: World, django_assert_max_num_queries: Any
):
    for n in range(5):
        world.lead(email=f"p{n}@example.com")
    olga = signed_in()
    with django_assert_max_num_queries(11) as captured:
        olga.get("/leads/")
    # The sidebar counts what waits for review, up to a hundred; nothing counts all leads.
    counting = [q["sql"] for q in captured if "COUNT(" in q["sql"].upper() and "lead" in q["sql"]]
    assert [sql for sql in counting if "held_at" not in sql] == []


# --- one lead


def test_it_tells_the_whole_story(world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.REJECTED]})
    page = text(signed_in().get(f"/leads/{lead_id}/"))
    for words in ("Sold", "Auto Insurance", "Web Form A", "15.00 → 45.00 USD", "30.00 USD"):
        assert words in page
    order = ["source.submitted", "source.accepted", "filter.passed", "recipient.error",
             "retry.scheduled", "recipient.failed", "recipient.delivered"]  # fmt: skip
    places = [page.index(kind) for kind in order]
    assert places == sorted(places)


def test_it_shows_one_group_of_events(world: World):
    lead_id = world.lead()
    page = text(signed_in().get(f"/leads/{lead_id}/", {"group": "filter"}))
    assert "filter.passed" in page
    assert "recipient.delivered" not in page


def test_it_inspects_an_event_with_its_request_and_reply(world: World):
    lead_id = world.lead()
    delivered = event(lead_id, "recipient.delivered")
    page = text(signed_in().get(f"/leads/{lead_id}/", {"event": delivered.id}))
    assert "POST https://api.abc-insurance.example/leads" in page
    assert '"email": "john.smith@example.com"' in page
    assert "200 after 250 ms" in page
    assert '"leadId": "buyer-1"' in page
    assert "Authorization •••" in page


def test_it_shows_what_parsing_changed(world: World):
    lead_id = world.lead()
    accepted = event(lead_id, "source.accepted")
    page = text(signed_in().get(f"/leads/{lead_id}/", {"event": accepted.id}))
    assert "changed with this event" in page
    assert '"(512) 555-1234" → "5125551234" changed' in page
    assert "email.domain example.com added" in page


def test_it_never_shows_sensitive_values(world: World):
    lead_id = world.lead(ssn="123-45-6789")
    for each in Event.objects.filter(lead_id=lead_id):
        page = signed_in().get(f"/leads/{lead_id}/", {"event": each.id}).content.decode()
        assert "123-45-6789" not in page
        assert "123456789" not in page


def test_it_masks_and_narrows_for_account_managers(world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]})
    dana = signed_in("dana")
    for each in Event.objects.filter(lead_id=lead_id):
        page = dana.get(f"/leads/{lead_id}/", {"event": each.id}).content.decode()
        for hidden in ("john", "smith@", "5125551234", "555-1234", "Xyz", "30.00", "45.00 USD"):
            assert hidden not in page
    assert "Personal values are masked" in page
    assert "TX" in page


def test_it_says_what_was_erased(world: World):
    lead_id = world.lead()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_snapshot WHERE lead_id = %s", [lead_id])
        cursor.execute("DELETE FROM events_exchange WHERE lead_id = %s", [lead_id])
    delivered = event(lead_id, "recipient.delivered")
    page = text(signed_in().get(f"/leads/{lead_id}/", {"event": delivered.id}))
    assert "Request and reply No longer kept (30 days)." in page
    Lead.objects.filter(id=lead_id).update(salt=None)
    page = text(signed_in().get(f"/leads/{lead_id}/", {"event": delivered.id}))
    assert "Request and reply Erased." in page
    assert "version 2 Erased." in page


def test_it_escapes_what_a_source_sent(world: World):
    answer = post_lead(world.flow, world.web, first_name="<script>alert(1)</script>", odd="<b>x")
    page = signed_in().get(f"/leads/{answer.lead_id}/").content.decode()
    assert "<script>alert(1)" not in page
    assert "<b>x" not in page


def test_a_lead_needs_few_queries(world: World, django_assert_max_num_queries: Any):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.REJECTED]})
    delivered = event(lead_id, "recipient.delivered")
    olga = signed_in()
    with django_assert_max_num_queries(12):
        olga.get(f"/leads/{lead_id}/", {"event": delivered.id})


# --- parts


def test_it_says_when_a_lead_goes_on_that_waits(world: World):
    lead_id = post_lead(world.flow, world.web, email="late@example.com").lead_id
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE flows_work SET due_at = '2999-01-02T03:04:05Z' WHERE lead_id = %s", [lead_id]
        )
    client = signed_in()
    said = "Waits for the next tier until 02 Jan 2999 03:04:05"
    assert said in text(client.get(f"/leads/{lead_id}/"))
    assert "waits until 02 Jan 2999 03:04:05" in text(client.get("/leads/"))
    world.lead(email="done@example.com", phone_1="5125550001")
    assert text(client.get("/leads/", {"status": "done"})).count("waits until") == 0


def test_the_timeline_points_at_the_longest_wait_and_leaves_feedback_out(world: World):
    lead_id = world.lead()
    events = list(Event.objects.filter(lead_id=lead_id).order_by("seq"))
    start = events[0].timestamp
    for each, ms in zip(events, (0, 1, 2, 3, 903, 905), strict=True):
        each.timestamp = start + timedelta(milliseconds=ms)
    later = Event(
        id="evt_x",
        type="feedback.received",
        entity_id="",
        timestamp=start + timedelta(days=3),
    )
    steps = timeline([*events, later], {world.abc.id: "ABC"})
    assert [step.gap_ms for step in steps[:6]] == [0, 1, 1, 1, 900, 2]
    assert [step.slowest for step in steps] == [False, False, False, False, True, False, False]
    assert steps[4].part == steps[6].part == 1.0
    assert steps[3].about == "ABC"


def test_it_compares_two_versions_of_a_lead():
    lines = compare({"a": 1, "b": "2", "c": None}, {"a": 1, "b": 2, "d": 4})
    assert [(line.name, line.change) for line in lines] == [
        ("a", Change.SAME),
        ("b", Change.CHANGED),
        ("c", Change.ADDED),
        ("d", Change.REMOVED),
    ]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"a":{"b":1}}', '{\n  "a": {\n    "b": 1\n  }\n}'),
        ("<r><a>1</a></r>", "<r>\n  <a>1</a>\n</r>"),
        ("a=1&b=two+words&c=", "a = 1\nb = two words\nc = "),
        ('{"cut": tr', '{"cut": tr'),
        ("<html><br>", "<html><br>"),
        ("plain text = here", "plain text = here"),
        ("", ""),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><r>&e;</r>', "&e;"),
    ],
)
def test_it_lays_out_bodies(body: str, shown: str):
    assert shown in pretty(body)
