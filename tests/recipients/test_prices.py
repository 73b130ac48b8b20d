"""Prices by rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from recipients import prices as rules
from recipients.prices import By, Priced, Prices
from recipients.termerrors import TermError

TEXAS = {"field": "state", "op": "is", "value": "TX"}
OLD = {"field": "age", "op": "gte", "value": 65}
VOLUME = {"field": "volume.total.month", "op": "gt", "value": 5}


def priced(document, **values) -> Priced:
    return Prices(Decimal(15), rules.parse(document)).of(values)


def test_the_first_rule_that_holds_says_the_price():
    document = [{"when": TEXAS, "price": "12.00"}, {"when": {"all": [OLD]}, "price": 20}]
    assert priced(document, state="TX", age=70) == Priced(Decimal("12.00"), By.RULE, 1)
    assert priced(document, state="CA", age=70) == Priced(Decimal(20), By.RULE, 2)
    assert priced(document, state="CA") == Priced(Decimal(15))
    assert priced([], state="TX").facts() == {"by": "fixed"}
    assert priced([{"price": 0}]) == Priced(Decimal(0), By.RULE, 1)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, ""),
        (["x"], "0"),
        ([{"when": TEXAS}], "0"),
        ([{"price": 1}, {"price": -1}], "1.price"),
        ([{"price": "many"}], "0.price"),
        ([{"price": True}], "0.price"),
        ([{"price": float("nan")}], "0.price"),
        ([{"price": 1, "wen": TEXAS}], "0.wen"),
        ([{"price": 1, "when": {"all": [{**TEXAS, "op": "iz"}]}}], "0.when.all.0.op"),
        ([{"price": 1, "when": "x"}], "0.when"),
        ([{"price": 1}] * 101, ""),
    ],
)
def test_mistakes_are_named_with_their_place(document, path):
    with pytest.raises(TermError) as caught:
        rules.parse(document)
    assert caught.value.path == path


def test_amounts_are_stored_in_one_spelling():
    for written in (12, 12.0, "12", "12.0", "$12.00", Decimal("12.0000")):
        assert rules.normal([{"price": written}]) == [{"when": {}, "price": "12.00"}]
    assert rules.normal([{"price": 0.125}])[0]["price"] == "0.125"
    assert rules.normal([{"price": "x"}]) == [{"price": "x"}]


def changed(document, fixed="40.00", figures=None, **values):
    return Prices(Decimal(fixed), rules.parse(document), "recipient").of(values, figures or {})


def test_all_changes_that_hold_follow_the_price_in_their_order():
    document = [
        {"when": OLD, "percent": 10},
        {"when": TEXAS, "price": "50.00"},
        {"when": {}, "add": "-2.50"},
        {"when": {"field": "state", "op": "is", "value": "CA"}, "add": 100},
    ]
    found = changed(document, state="TX", age=70)
    assert found.price == Decimal("52.50")
    assert found.facts()["changes"] == [
        {"of": "recipient", "rule": 1, "percent": 10.0},
        {"of": "recipient", "rule": 3, "add": -2.5},
    ]
    assert changed(document, state="NY").facts()["base"] == 40.0


def test_no_price_falls_below_zero_and_no_lead_costs_more_than_most():
    assert changed([{"add": -99}]).price == 0
    prices = Prices(Decimal(10), rules.parse([{"price": 20}, {"percent": 10}, {"add": -5}]))
    assert prices.most == 22


def test_changes_of_the_step_come_on_top_of_what_the_recipient_pays():
    own = Prices(Decimal(40), rules.parse([{"percent": 50}]), "recipient")
    step = Prices(None, rules.parse([{"add": 1}]), "step", own)
    assert step.of({}).price == 61
    assert Prices(Decimal(30), rules.parse([{"add": 1}]), "step", own).of({}).price == 31
    assert Prices(None, (), "step", Prices(None)).of({}) is None


def test_figures_are_named_when_a_price_is_saved():
    prices = Prices(
        Decimal(1), rules.parse([{"when": VOLUME, "add": 1}, {"when": VOLUME, "add": 2}])
    )
    assert [each.name for each in prices.figures] == ["volume.total.month"]
    assert prices.of({}, {"volume.total.month": Decimal(9)}).price == 4
    for name in ("volume.years", "quality.0d.return_rate", "quality.400d.return_rate", "quality.x"):
        with pytest.raises(TermError) as caught:
            rules.parse([{"when": {**VOLUME, "field": name}, "add": 1}])
        assert caught.value.path == "0.when"
    rules.parse([{"when": {**VOLUME, "field": "volume"}, "add": 1}])  # a lead's own


@pytest.mark.parametrize(
    "row", [{"price": 1, "add": 1}, {"percent": -101}, {"percent": 1001}, {"add": "some"}]
)
def test_a_row_says_one_thing(row):
    with pytest.raises(TermError):
        rules.parse([row])
    assert rules.normal([row]) == [row]


def test_changes_are_stored_in_one_spelling():
    assert rules.normal([{"percent": 10.0}, {"add": -2}]) == [
        {"when": {}, "percent": "10"},
        {"when": {}, "add": "-2.00"},
    ]
