"""The pages of events as people open them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from events.eventpages import alike, views
from events.models import Event, Lead, SavedSearch
from flows.models import BulkRetry
from flows.tasks import bulk_retry
from leadops.lib import queue
from recipients.outcomes import Outcome
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.web = make_source()
        self.abc = make_recipient("abc-insurance")
        self.xyz = make_recipient("xyz-mutual")
        self.flow = make_flow(self.web, self.abc, self.xyz)
        make_user("olga")
        make_user("arthur", role="auditor")
        make_user("dana", role="account_manager", recipients=[self.abc])

    def declined(self, number: int = 0) -> str:
        return deliver_lead(
            self.flow,
            self.web,
            email=f"p{number}@example.com",
            phone_1=f"512555010{number}",
            outcomes={slug: [Outcome.REJECTED] for slug in ("abc-insurance", "xyz-mutual")},
        )


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


def failed_event(lead_id: str) -> Event:
    """That of the first recipient, to which account managers belong."""
    return Event.objects.filter(lead_id=lead_id, type="recipient.failed").earliest("seq")


def test_the_list_shows_filters_and_pages_with_few_queries(
    world: World, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
):
    for number in range(3):
        world.declined(number)
    monkeypatch.setattr(views, "PAGE", 2)
    olga, url, seen = signed_in(), "/events/?type=recipient.failed&column=id,status", []
    while url:
        with django_assert_max_num_queries(30) as asked:
            page = olga.get(url).content.decode()
        assert not any("count(" in q["sql"].lower() and "events_event" in q["sql"] for q in asked)
        seen += re.findall(r'lo-nowrap">(evt_\w+)<', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        url = f"/events/{unescape(older[1])}" if older else ""
    rows = Event.objects.filter(type="recipient.failed").order_by("-timestamp", "-id")
    assert seen == list(rows.values_list("id", flat=True))
    assert "No event fits these filters" in text(olga.get("/events/?lead=lead_none"))
    assert "There is no outcome 'x'." in text(olga.get("/events/?outcome=x&after=nonsense"))
    asked = "/events/?recipient=abc-insurance&start=2026-02-01&end=2026-02-02T10:00&reason=x"
    page = unescape(olga.get(asked).content.decode())
    theirs = f"entity_id={world.abc.id}&start=2026-02-01&end=2026-02-02"
    assert f'/exports/new/?what=events&{theirs}"' in page
    assert "Export these, without reason" in page
    assert "It ends before it starts." in text(olga.get("/events/?start=2026-02-02&end=2026-02-01"))


def test_account_managers_see_their_recipients_masked_and_cannot_search_behind_the_mask(
    world: World,
):
    lead_id = world.declined()
    dana = signed_in("dana")
    page = dana.get("/events/").content.decode()
    page = page[page.index('<tbody id="rows">') :]
    assert "recipient.failed" in page
    for hidden in ("Xyz Mutual", "flow.completed", "Web Form A", "p0@example.com"):
        assert hidden not in page
    assert "There is no such recipient" in text(dana.get("/events/?recipient=xyz-mutual"))
    theirs = failed_event(lead_id)
    other = Event.objects.filter(lead_id=lead_id, type="recipient.failed").latest("seq")
    assert dana.get(f"/events/alike/{theirs.id}/").status_code == 200
    assert dana.get(f"/events/alike/{other.id}/").status_code == 404
    assert "Send exactly these" not in text(dana.get(f"/events/alike/{theirs.id}/"))
    assert Client().get("/events/").status_code == 302


def test_searches_are_kept_shared_and_thrown_away_by_who_may(world: World):
    olga, arthur = signed_in(), signed_in("arthur")

    def keep(query: str, **more: str) -> Any:
        return olga.post("/events/kept/", {"query": query, **more})

    kept = keep("type=recipient.failed&period=24h&column=time,reason", name="Night", shared="1")
    assert kept["Location"] == "/events/?type=recipient.failed&period=24h&column=time,reason"
    keep("outcome=unknown", name="Own")
    assert ("Night" in text(arthur.get("/events/")), "Own" in text(arthur.get("/events/"))) == (
        True, False,
    )  # fmt: skip
    for query in ("reason=a@b.example", "reason=512 555 0100", "lead=lead_x"):
        keep(query, name="Person")
    keep("outcome=unknown", name=" ")
    keep("outcome=timeout&outcome=rejected", name="Own")  # replaces it
    assert sorted(SavedSearch.objects.values_list("name", "query")) == [
        ("Night", "type=recipient.failed&period=24h&column=time,reason"),
        ("Own", "outcome=rejected"),
    ]
    night = SavedSearch.objects.get(name="Night")
    assert arthur.post(f"/events/kept/{night.id}/").status_code == 404
    olga.post(f"/events/kept/{night.id}/")
    assert not SavedSearch.objects.filter(name="Night").exists()


def test_from_a_failure_to_its_like_to_sending_exactly_these_again(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    leads = [world.declined(number) for number in range(3)]
    deliver_lead(world.flow, world.web, outcomes={"abc-insurance": [Outcome.DUPLICATE]})
    event = failed_event(leads[0])
    olga = signed_in()
    lead_page = olga.get(f"/leads/{leads[0]}/", {"event": event.id}).content.decode()
    assert f"/events/alike/{event.id}/" in lead_page
    answer = olga.get(f"/events/alike/{event.id}/")
    page = text(answer)
    assert "Reason all the same Events Rejected 3" in page
    assert "Response code all the same Events 200 3" in page
    links = re.findall(r'href="([^"]+)"', unescape(answer.content.decode()))
    again = next(link for link in links if link.startswith("/retries/") and "events=" in link)
    asked = olga.get(again)
    assert "3 deliveries fit" in text(asked)
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.content.decode()))
    begun = olga.post("/retries/", {name: unescape(value) for name, value in form.items()})
    bulk = BulkRetry.objects.get()
    assert begun["Location"] == f"/retries/{bulk.id}/"
    assert bulk.total == 3
    bulk_retry(bulk.id)
    assert "What came of them by now Waiting 3" in text(olga.get(f"/retries/{bulk.id}/"))
    assert "No delivery fits" in text(olga.get("/retries/?events=lead%3Dlead_none"))
    assert "There is no recipient" in text(olga.get("/retries/?events=recipient%3Dnone"))


def test_a_large_pattern_is_not_counted_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch):
    leads = [world.declined(number) for number in range(3)]
    monkeypatch.setattr(alike, "MOST", 2)
    page = text(signed_in().get(f"/events/alike/{failed_event(leads[0]).id}/?period=1h"))
    assert "more than 2" in page


def test_a_test_call_and_the_mapping_take_the_leads_values(world: World):
    lead_id = world.declined()
    olga = signed_in()
    at = f"/admin/recipients/recipient/{world.abc.pk.replace('_', '_5F')}"
    page = text(olga.get(f"{at}/test-call/", {"lead": lead_id}))
    assert 'email: "p0@example.com"' in page
    assert "Values of" in page
    assert lead_id in text(olga.get(f"{at}/mapping/", {"lead": lead_id}))
    never = make_recipient("never-asked")
    make_flow(make_source("other"), never, slug="other")
    at = f"/admin/recipients/recipient/{never.pk.replace('_', '_5F')}"
    page = text(olga.get(f"{at}/test-call/", {"lead": lead_id}))
    assert "p0@example.com" not in page
    assert "with invented ones in place of some" in page
    Lead.objects.filter(id=lead_id).update(snapshot=99)
    gone = text(olga.get(f"{at}/test-call/", {"lead": lead_id}))
    assert "That lead is not there" in gone


def test_the_lead_page_shows_way_course_changes_and_command(world: World):
    lead_id = world.declined()
    event = failed_event(lead_id)
    answer = signed_in().get(f"/leads/{lead_id}/", {"event": event.id})
    page, source = text(answer), answer.content.decode()
    assert "Where the time went" in page
    assert "Data: 1 changed" in page
    assert "curl --globoff --request POST" in page
    assert "'Authorization: '\"${TOKEN}\"" in page
    assert re.search(r'<a href="\?event=evt_\w+#inspector" aria-label="Abc Insurance', source)
    masked = text(signed_in("dana").get(f"/leads/{lead_id}/", {"event": event.id}))
    assert "curl" not in masked
    assert "p0@example.com" not in masked
