"""Prices by rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from recipients import prices as rules
from recipients.prices import By, Priced, Prices
from recipients.termerrors import TermError

TEXAS = {"field": "state", "op": "is", "value": "TX"}
OLD = {"field": "age", "op": "gte", "value": 65}


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
