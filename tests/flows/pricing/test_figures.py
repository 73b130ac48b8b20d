"""Figures that price rules read: measured once a minute, and told in the record."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from events.models import Tally
from flows import plans, tasks
from flows.models import FlowSource, PriceFigure, Source, StepRecipient
from flows.pricing import figures
from flows.pricing.figures import memory
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db
TEXAS = {"field": "state", "op": "is", "value": "TX"}


def high(name, value):
    return {"field": name, "op": "gte", "value": value}


@pytest.fixture(autouse=True)
def forgetful():
    memory.forget()
    yield
    memory.forget()


def stage(*rules, price="45.00"):
    made = recipient("abc", price)
    made.prices = list(rules)
    made.save()
    return scene(made)


def count(play, number=1, **cells):
    """As many as were counted of the recipient just now."""
    row = {"recipient_id": Recipient.objects.get(slug="abc").id, "flow_id": play.flow.id,
           "source_id": Source.objects.get().id, "kind": "delivery", "outcome": "accepted",
           "category": "", "reason": "", "attempt": 0, "bucket": -1, "test": False,
           "n": number, "ms": 0, "revenue": 0, "cost": 0,
           "hour": datetime.now(UTC).replace(minute=0, second=0, microsecond=0)}  # fmt: skip
    known = {field.name for field in Tally._meta.fields}
    Tally.objects.create(**{key: value for key, value in {**row, **cells}.items() if key in known})


def measured():
    memory.forget()
    figures.refresh(plans.current().needs.figures)


def sell(play, number, **reply):
    answer = play.post(email=f"a{number}@example.com", phone_1=f"512555{number:04}")
    play.play(abc=[attempt(Outcome.ACCEPTED, **reply)])
    return answer


def told(play, answer):
    return play.event(answer, "recipient.delivered").data["delivery"]


def test_volume_lowers_the_price_and_the_record_says_by_what():
    play = stage({"when": high("volume.month", 1000), "add": -2})
    count(play, 999)
    measured()
    assert told(play, sell(play, 1))["price"] == 45.0
    measured()
    found = told(play, sell(play, 2))
    assert found["price"] == 43.0
    assert found["pricing"] == {
        "by": "fixed",
        "of": "recipient",
        "base": 45.0,
        "changes": [{"of": "recipient", "rule": 1, "add": -2.0}],
        "figures": {"volume.month": 1000},
    }


def test_a_premium_for_quality_is_percent_of_the_price():
    good = high("quality.7d.conversion_rate", 0.12)
    play = stage({"when": TEXAS, "price": "50.00"}, {"when": good, "percent": 10})
    count(play, 100)
    count(play, 13, kind="feedback", outcome="conversion")
    measured()
    found = told(play, sell(play, 1))
    assert (found["price"], found["pricing"]["figures"]) == (
        55.0,
        {"quality.7d.conversion_rate": 0.13},
    )


def test_what_was_not_measured_is_no_volume_and_no_rate():
    play = stage(
        {"when": high("quality.return_rate", 0), "add": -5},
        {"when": {"field": "volume.today", "op": "is", "value": 0}, "add": 1},
    )
    found = told(play, sell(play, 1))
    assert (found["price"], found["pricing"]["figures"]) == (
        46.0,
        {"quality.return_rate": None, "volume.today": 0},
    )


def test_it_reads_the_figures_once_a_minute_and_not_at_all_where_no_price_goes_by_them():
    play = stage({"when": high("volume.today", 5), "add": 1})
    sell(play, 1)
    read = memory.read_at
    sell(play, 2)
    assert memory.read_at == read > float("-inf")
    memory.forget()
    Recipient.objects.update(prices=[])
    plans.changed()
    sell(play, 3)
    assert memory.read_at == float("-inf")


@pytest.mark.parametrize(
    ("given", "price", "by"),
    [
        ({"price": Decimal("60.00")}, 60.0, {"by": "reply"}),
        ({"row": {"price": Decimal("41.00")}}, 41.0, {"by": "fixed", "of": "step"}),
        (
            {"row": {"prices": [{"when": TEXAS, "price": "42.00"}]}},
            42.0,
            {"by": "rule", "of": "step", "rule": 1},
        ),
        ({}, 48.0, {"by": "rule", "of": "recipient", "rule": 1}),
    ],
)
def test_the_reply_goes_before_the_step_and_the_step_before_the_recipient(given, price, by):
    play = stage({"when": TEXAS, "price": "48.00"})
    StepRecipient.objects.update(**given.pop("row", {}))
    plans.changed()
    found = told(play, sell(play, 1, **given))
    assert (found["price"], found["pricing"]) == (price, by)


def test_a_source_is_paid_by_what_it_has_sent():
    play = stage()
    FlowSource.objects.update(prices=[{"when": high("volume.month", 3), "percent": -20}], price=10)
    plans.changed()
    for number in range(3):
        sell(play, number)
    measured()
    answer = sell(play, 9)
    found = play.event(answer, "source.accepted").data
    assert (found["price"], found["pricing"]["figures"]) == (8.0, {"volume.month": 3})


def test_days_are_those_of_the_recipient_and_flows_are_told_apart():
    play = stage(
        {"when": high("volume.yesterday", 1), "add": 1},
        {"when": high("volume.total.last_month", 1), "add": 1},
    )
    Recipient.objects.update(timezone="Asia/Tokyo")
    plans.changed()
    at = datetime(2026, 5, 1, 16, 30, tzinfo=UTC)  # the second of May there
    count(play, 4, hour=datetime(2026, 4, 30, 20, tzinfo=UTC))  # the first
    count(play, 7, hour=datetime(2026, 4, 20, 20, tzinfo=UTC), flow_id="flow_other")
    figures.refresh(plans.current().needs.figures, at=at)
    rows = dict(PriceFigure.objects.values_list("name", "value"))
    assert rows == {"volume.yesterday": 4, "volume.total.last_month": 7}


def test_the_task_measures_and_forgets_what_no_price_reads(caplog):
    play = stage({"when": high("volume.week", 1), "add": 1})
    sell(play, 1)
    tasks.learn()
    assert PriceFigure.objects.get().value == 1
    Recipient.objects.update(prices=[])
    plans.changed()
    tasks.learn()
    assert not PriceFigure.objects.exists()
    assert not caplog.records
