"""The review pages: who sees and does what, filters, pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from events.models import Delivery, Event, Lead
from flows.byhand import bulkretry, held
from flows.models import BulkRetry, Work
from flows.steps import engine
from leadops.lib import queue
from recipients.outcomes import Outcome
from tests.factories import (
    deliver_lead,
    make_flow,
    make_recipient,
    make_source,
    make_user,
    post_lead,
)
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.source = make_source()
        self.abc, self.xyz = make_recipient("abc-insurance"), make_recipient("xyz-mutual")
        self.flow = make_flow(self.source, self.abc, self.xyz)
        self.olga = sign_in(make_user("olga"))
        self.dana = sign_in(make_user("dana", role="account_manager", recipients=[self.abc]))
        self.other = sign_in(make_user("otto", role="account_manager", recipients=[self.xyz]))
        self.auditor = sign_in(make_user("aud", role="auditor"))

    def hold(self, number: int = 0, **how: Any) -> Delivery:
        lead = deliver_lead(
            self.flow, self.source, outcomes={"abc-insurance": [Outcome.UNREADABLE]},
            email=f"p{number}@example.com", phone_1=f"51255501{number:02}", **how,
        )  # fmt: skip
        return Delivery.objects.get(lead=lead, state="review")

    def put_aside(self, monkeypatch: Any) -> Lead:
        from tests.factories import _Worker

        answer = post_lead(self.flow, self.source, email="aside@example.com", phone_1="5125559999")
        with monkeypatch.context() as patch:
            patch.setattr(engine, "_filter", lambda *_: 1 / 0)
            _Worker().begin(answer.lead_id)
        return Lead.objects.get(id=answer.lead_id, status="review")


@pytest.fixture
def world() -> World:
    return World()


def act(client: Client, thing: Any, **form: Any) -> Any:
    seen = Lead.objects.get(id=getattr(thing, "lead_id", thing.pk)).seq
    return client.post(f"/review/{thing.pk}/", {"seen": seen, **form}, follow=True)


def test_everybody_sees_what_is_theirs(world, monkeypatch):
    delivery, aside = world.hold(), world.put_aside(monkeypatch)
    for client in (world.olga, world.auditor):
        page = text_of(client.get("/review/"))
        assert "Abc Insurance" in page
        assert "Put aside" in page
        assert client.get(f"/review/{delivery.pk}/").status_code == 200
        assert client.get(f"/review/{aside.pk}/").status_code == 200
    page = text_of(world.dana.get("/review/"))
    assert "Abc Insurance" in page
    assert "Put aside" not in page
    assert world.dana.get(f"/review/{aside.pk}/").status_code == 404
    assert "Nothing waits" in text_of(world.other.get("/review/"))
    assert world.other.get(f"/review/{delivery.pk}/").status_code == 404


def test_account_managers_see_no_personal_values_and_no_forms(world):
    delivery = world.hold()
    page = world.dana.get(f"/review/{delivery.pk}/").content.decode()
    assert "p0@example.com" not in page
    assert 'name="action"' not in page


@pytest.mark.parametrize("who", ["dana", "auditor"])
@pytest.mark.parametrize("action", ["save", "send", "elsewhere", "close", "save_and_send"])
def test_who_only_looks_does_nothing(world, who, action):
    delivery = world.hold()
    before = Event.objects.count()
    answer = act(getattr(world, who), delivery, action=action, reason="x", decision="failed")
    assert answer.status_code == 403
    assert (Event.objects.count(), Work.objects.count()) == (before, 0)


@pytest.mark.parametrize("address", ["/retries/", "/retries/rty_none/"])
def test_sending_in_bulk_is_for_those_who_operate(world, address):
    for client in (world.dana, world.auditor):
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_it_filters(world):
    world.hold()
    for query, fits in {
        "recipient=abc-insurance": True,
        "recipient=xyz-mutual": False,
        "flow=auto-insurance": True,
        "flow=other": False,
        "outcome=unreadable": True,
        "outcome=unknown": False,
        "reason=unread": True,
        "reason=gone": False,
        "age=1h": False,
        "age=odd": True,
        "recipient=%00&after=%00&age=%00&flow=%00": True,
    }.items():
        page = text_of(world.olga.get(f"/review/?{query}"))
        assert ("Nothing that waits fits" not in page) is fits, query


def test_it_goes_page_by_page_without_gaps(world, monkeypatch):
    monkeypatch.setattr(held, "PAGE", 2)
    waiting = {world.hold(number).pk for number in range(4)} | {world.put_aside(monkeypatch).pk}
    from events.visibility import Sight

    seen, after = [], ""
    for _ in range(3):
        page = held.listed(Sight(), held.Filters(after=after))
        seen += [entry.id for entry in page.entries]
        after = page.after
    assert after == ""
    assert (len(seen), set(seen)) == (5, waiting)


def test_the_sidebar_counts(world, monkeypatch):
    world.hold()
    from events.visibility import Sight

    assert held.count(Sight()) == 1
    world.put_aside(monkeypatch)
    assert held.count(Sight()) == 2
    assert held.count(Sight(recipients=frozenset({world.xyz.pk}))) == 0
    monkeypatch.setattr(held, "COUNTED", 1)
    assert held.count(Sight()) == 1


def test_a_close_wants_a_reason(world):
    delivery = world.hold()
    page = text_of(act(world.olga, delivery, action="close", decision="failed", reason=" "))
    assert "Say why" in page
    assert Delivery.objects.get(pk=delivery.pk).state == "review"


def test_a_sale_is_recorded_with_the_price_typed(world):
    delivery = world.hold()
    wrong = act(world.olga, delivery, action="close", decision="accepted", reason="x", price="a")
    assert "is no price" in text_of(wrong)
    act(world.olga, delivery, action="close", decision="accepted", reason="x", price="31.50")
    assert str(Delivery.objects.get(pk=delivery.pk).revenue) == "31.5000"


def test_what_was_put_aside_is_released_or_closed(world, monkeypatch):
    lead = world.put_aside(monkeypatch)
    assert "Released" in text_of(act(world.olga, lead, action="release"))
    assert Lead.objects.get(pk=lead.pk).status == "working"
    assert "does not wait" in text_of(act(world.olga, lead, action="close", reason="Junk"))


@pytest.mark.parametrize("form", [{}, {"action": "odd"}, {"action": "send", "seen": "x"}])
def test_odd_forms_are_answered_with_a_sentence(world, form):
    delivery = world.hold()
    assert act(world.olga, delivery, **form).status_code == 200
    assert not Work.objects.exists()


def test_many_are_started_from_the_page(world, monkeypatch):
    asked: list[Any] = []
    monkeypatch.setattr(queue, "enqueue", lambda *args, **_: asked.append(args))
    world.hold()
    page = world.olga.get("/retries/?state=review&start=2020-01-01T00:00&end=2999-01-01T00:00")
    assert "1 delivery fits" in text_of(page)
    answer = world.olga.post(
        "/retries/", {"state": "review", "start": "2020-01-01T00:00", "end": "2999-01-01T00:00"}
    )
    bulk = BulkRetry.objects.get()
    assert answer.url == f"/retries/{bulk.id}/"
    assert asked == [(bulkretry.TASK, bulk.id)]
    assert "0 of 1" in text_of(world.olga.get(answer.url))
    assert "Cancelled" in text_of(world.olga.post(answer.url, follow=True))


def test_a_period_that_ends_before_it_starts_is_named(world):
    page = world.olga.get("/retries/?start=2026-01-02T00:00&end=2026-01-01T00:00")
    assert "ends before it starts" in text_of(page)


def test_sending_one_again_asks_first(world):
    delivery = world.hold()
    address = f"/deliveries/{delivery.pk}/again/"
    assert "Send it again to Abc Insurance?" in text_of(world.olga.get(address))
    assert world.dana.get(address).status_code == 403
    world.olga.post(address, {"seen": delivery.lead.seq})
    assert Work.objects.count() == 1
