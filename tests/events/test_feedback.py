"""What buyers say later: found, applied, recorded, once."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from events.feedback.process import NOT_YOURS, take
from events.feedback.reading import Misshapen, Statement, days_between, read
from events.models import Delivery, Event, Feedback, Figure, Lead
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCEPTED = Outcome.ACCEPTED


def say(kind="conversion", **rest):
    by = next(
        (name for name in rest if name in ("event_id", "buyer_lead_id", "email", "phone")),
        "lead_id",
    )
    target = rest.pop(by)
    return Statement(kind=kind, by=by, target=target, **rest)


@pytest.fixture
def sold():
    """A lead that `abc` bought for 45.50 after `other` had refused it."""
    play = scene(recipient("other"), recipient("abc"), pattern="waterfall")
    answer = play.post()
    play.play(
        other=[attempt(Outcome.REJECTED, reason="No")],
        abc=[attempt(ACCEPTED, buyer_lead_id="B-1", price=Decimal("45.50"))],
    )
    play.lead_id = answer.lead_id
    play.abc = Delivery.objects.get(recipient__slug="abc").recipient
    return play


# --- reading


def test_it_reads_the_contracts_fields():
    data = {
        "type": "Conversion",
        "lead_id": "lead_1",
        "value": 1250.0,
        "reason": "paid",
        "occurred_at": "2026-11-19T15:45:00Z",
        "key": "K-1",
    }
    assert read(data, now=NOW) == Statement(
        "conversion",
        "lead_id",
        "lead_1",
        "1250.0",
        "paid",
        datetime(2026, 11, 19, 15, 45, tzinfo=UTC),
        "K-1",
    )


def test_it_reads_a_day_in_the_partners_time_zone():
    data = {"kind": "return", "email": "a@b.com", "occurred_at": "2026-11-19"}
    zone = ZoneInfo("America/New_York")
    assert read(data, now=NOW, zone=zone).occurred_at == datetime(2026, 11, 19, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"kind": "sold", "lead_id": "x"}, "kind"),
        ({"lead_id": "x"}, "kind"),
        ({"kind": "return"}, "lead_id"),
        ({"kind": "return", "lead_id": ""}, "lead_id"),
        ({"kind": "return", "lead_id": ["x"]}, "lead_id"),
        ({"kind": "return", "lead_id": "x" * 33}, "lead_id"),
        ({"kind": "return", "lead_id": "x", "value": "v" * 501}, "value"),
        ({"kind": "return", "lead_id": "x", "value": 10**400}, "value"),
        ({"kind": "return", "lead_id": "x", "key": {"a": 1}}, "key"),
        ({"kind": "return", "lead_id": "x", "occurred_at": "yesterday"}, "occurred_at"),
        ({"kind": "return", "lead_id": "x", "occurred_at": "2026-11-22"}, "occurred_at"),
        ({"kind": "return", "lead_id": "x", "occurred_at": "0001-01-01"}, "occurred_at"),
        ({"kind": "return", "lead_id": "x", "occurred_at": 17}, "occurred_at"),
        (["return"], "feedback"),
        (None, "feedback"),
    ],
)
def test_it_names_the_field_that_is_wrong(data, field):
    with pytest.raises(Misshapen) as caught:
        read(data, now=NOW)
    assert set(caught.value.fields) == {field}


def test_it_takes_control_characters_out_of_texts():
    data = {"kind": "other", "lead_id": "lead_1\x00", "reason": "a\x00b\r\nc\ud800d\x1b[0m"}
    statement = read(data, now=NOW)
    assert statement.target == "lead_1"
    assert statement.reason == "a b c d [0m"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["kind", "type", "lead_id", "email", "value", "occurred_at", "key"]),
        JSON | st.sampled_from(["return", "lead_1", "2026-11-01", "2026-11-01T10:00:00+23:59"]),
    )
)
def test_it_reads_or_explains_whatever_comes(data):
    with contextlib.suppress(Misshapen):
        statement = read(data, now=NOW)
        assert statement.target
        assert "\0" not in statement.value


def test_it_counts_the_partners_calendar_days():
    zone = ZoneInfo("America/New_York")
    late = datetime(2026, 1, 16, 4, tzinfo=UTC)  # still the 15th there
    assert days_between(late, datetime(2026, 1, 18, 12, tzinfo=UTC), zone) == 3
    assert days_between(late, late - timedelta(days=2), UTC) == 0  # type: ignore[arg-type]


# --- applying


@pytest.mark.django_db
def test_it_applies_a_conversion(sold):
    [answer] = take(sold.abc, [say(lead_id=sold.lead_id, value="sold", key="K")])
    assert answer.outcome == "processed"
    assert answer.lead_id == sold.lead_id
    kept = Feedback.objects.get()
    assert (kept.id, kept.kind, kept.days_to_convert, kept.money) == (answer.id, "conversion", 0, 0)
    events = Event.objects.filter(lead_id=sold.lead_id).order_by("seq")
    assert [e.type for e in events][-2:] == ["feedback.received", "feedback.processed"]
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert Lead.objects.get().seq == len(events)
    last = events.last()
    assert last.entity_id == sold.abc.id
    assert last.data["kind"] == "conversion"
    assert last.data["value"] == "sold"
    assert last.data["days_to_convert"] == 0
    assert last.data["delivery"]["id"] == Delivery.objects.get(recipient=sold.abc).id
    assert Figure.objects.get(kind="feedback").outcome == "conversion"


@pytest.mark.django_db
def test_it_takes_the_revenue_of_a_return_back(sold):
    [answer] = take(sold.abc, [say("return", lead_id=sold.lead_id, reason="Wrong number 17")])
    assert answer.outcome == "processed"
    lead, delivery = Lead.objects.get(), Delivery.objects.get(recipient=sold.abc)
    assert (lead.revenue, delivery.revenue) == (0, Decimal("45.50"))
    assert delivery.returned_at is not None
    cell = Figure.objects.get(kind="feedback")
    assert (cell.outcome, cell.revenue, cell.reason) == (
        "return",
        Decimal("-45.50"),
        "Wrong number #",
    )
    assert sum(f.revenue for f in Figure.objects.all()) == 0


@pytest.mark.django_db
def test_it_refuses_a_second_return_and_says_so_twice(sold):
    take(sold.abc, [say("return", lead_id=sold.lead_id, key="one")])
    [second] = take(sold.abc, [say("return", lead_id=sold.lead_id, key="two")])
    [again] = take(sold.abc, [say("return", lead_id=sold.lead_id, key="two")])
    assert second.outcome == "rejected"
    assert second.reason.startswith("Returned already on 20")
    assert (again.id, again.reason, again.repeated) == (second.id, second.reason, True)
    assert Lead.objects.get().revenue == 0
    assert Event.objects.filter(type="feedback.rejected").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["K-1", ""])
def test_it_takes_the_same_feedback_once(sold, key):
    one = say(lead_id=sold.lead_id, value="sold", key=key)
    first, same = take(sold.abc, [one, one])
    [later] = take(sold.abc, [one])
    assert first.id == same.id == later.id
    assert (first.repeated, same.repeated, later.repeated) == (False, True, True)
    assert Feedback.objects.count() == 1
    assert Event.objects.filter(type="feedback.processed").count() == 1


@pytest.mark.django_db
def test_it_tells_different_feedback_without_keys_apart(sold):
    answers = take(
        sold.abc,
        [say("contacted", lead_id=sold.lead_id), say("quality", lead_id=sold.lead_id, value="7")],
    )
    assert len({answer.id for answer in answers}) == 2


@pytest.mark.django_db
def test_it_finds_the_lead_in_every_way(sold):
    delivered = Event.objects.get(type="recipient.delivered")
    accepted = Event.objects.get(type="source.accepted")
    ways = [
        say(lead_id=sold.lead_id, value="1"),
        say(event_id=delivered.id, value="2"),
        say(event_id=accepted.id, value="3"),
        say(buyer_lead_id="B-1", value="4"),
        say(email=" ANN@example.com ", value="5"),
        say(phone="+1 (555) 555-1234", value="6"),
    ]
    answers = take(sold.abc, ways)
    assert [answer.outcome for answer in answers] == ["processed"] * 6
    assert {answer.lead_id for answer in answers} == {sold.lead_id}


@pytest.mark.django_db
def test_it_shows_a_partner_nothing_of_others(sold):
    other = Delivery.objects.get(recipient__slug="other").recipient
    refused = Event.objects.filter(entity_id=sold.abc.id).first()
    before = Event.objects.filter(lead_id=sold.lead_id).count()
    ways = [
        say("return", lead_id=sold.lead_id),
        say("return", event_id=refused.id),
        say("return", buyer_lead_id="B-1"),
        say("return", email="ann@example.com"),
        say("return", lead_id="lead_nobody"),
        say("return", phone="no phone at all"),
    ]
    answers = take(other, ways)
    assert {(a.outcome, a.id, a.lead_id, a.reason) for a in answers} == {
        ("rejected", "", "", NOT_YOURS)
    }
    assert Event.objects.filter(lead_id=sold.lead_id).count() == before
    assert not Feedback.objects.exists()
    noted = Event.objects.filter(type="feedback.rejected")
    assert noted.count() == 6
    assert "ann@example.com" not in str([event.data for event in noted])


@pytest.mark.django_db
def test_it_finds_an_address_only_among_recent_sales(sold):
    Delivery.objects.update(finished_at=datetime.now(UTC) - timedelta(days=91))
    [by_email, by_id] = take(sold.abc, [say(email="ann@example.com"), say(lead_id=sold.lead_id)])
    assert (by_email.reason, by_id.outcome) == (NOT_YOURS, "processed")


@pytest.mark.django_db
def test_it_moves_no_money_for_test_leads():
    play = scene(recipient("abc", sandbox=True))
    answer = play.post(test=True)
    play.play(abc=[attempt(ACCEPTED, price=Decimal("45.50"))])
    buyer = Delivery.objects.get().recipient
    [taken] = take(buyer, [say("return", lead_id=answer.lead_id)])
    assert taken.outcome == "processed"
    assert Lead.objects.get().revenue == 0
    assert {f.revenue for f in Figure.objects.all()} == {0}


@pytest.mark.django_db
def test_it_keeps_a_later_turn_from_overwriting_a_return():
    play = scene(recipient("abc"), recipient("slow"), pattern="multi")
    answer = play.post()
    starts = {s.plan.slug: s for s in play.start()}
    play.take((), [(starts["abc"], attempt(ACCEPTED, price=Decimal(45)))])
    buyer = Delivery.objects.get(recipient__slug="abc").recipient
    take(buyer, [say("return", lead_id=answer.lead_id)])
    play.take((), [(starts["slow"], attempt(ACCEPTED, price=Decimal(30)))])
    lead = Lead.objects.get()
    assert (lead.status, lead.revenue) == ("done", 30)
    play.types(answer)  # without gaps


@pytest.mark.django_db(transaction=True)
def test_it_takes_concurrent_posts_once():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[attempt(ACCEPTED, price=Decimal(45))])
    buyer = Delivery.objects.get().recipient
    gate, answers = threading.Barrier(6), []

    def post(number: int) -> None:
        gate.wait()
        key = "same" if number % 2 else ""
        answers.extend(take(buyer, [say("return", lead_id=answer.lead_id, key=key)]))
        connection.close()

    threads = [threading.Thread(target=post, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len({a.id for a in answers}) == 2  # one a key; one of the two was late
    assert sorted({a.outcome for a in answers}) == ["processed", "rejected"]
    assert Lead.objects.get().revenue == 0
    assert Feedback.objects.filter(outcome="processed").count() == 1
    play.types(answer)


@pytest.mark.django_db(transaction=True)
def test_it_takes_one_key_for_two_leads_once():
    play = scene(recipient("abc"))
    posted = [play.post(email=f"{n}@example.com", phone_1=f"555555123{n}") for n in range(2)]
    play.play(abc=[attempt(ACCEPTED, price=Decimal(45)) for _ in posted])
    buyer = Delivery.objects.first().recipient
    gate, answers = threading.Barrier(2), []

    def post(lead_id: str) -> None:
        gate.wait()
        answers.extend(take(buyer, [say("return", lead_id=lead_id, key="same")]))
        connection.close()

    threads = [threading.Thread(target=post, args=(each.lead_id,)) for each in posted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({a.id for a in answers}) == 1
    assert Feedback.objects.count() == 1
