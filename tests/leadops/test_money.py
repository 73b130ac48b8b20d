"""Money: nothing is rounded in silence, and a shared cost is shared to the last digit."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import money

amounts = st.decimals(Decimal("-99999999"), Decimal("99999999"), places=4)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("45", "45"),
        ("45.00", "45.00"),
        ("$1,045.50", "1045.50"),
        (" $ 45 ", "45"),
        (".5", "0.5"),
        ("0", "0"),
        (15, "15"),
        (15.1, "15.1"),
        (Decimal("1E+3"), "1000"),
        ("12345678.1234", "12345678.1234"),
        ("45.0000000", "45.0000"),
    ],
)
def test_it_reads_amounts_as_written(written, amount):
    assert str(money.parse(written)) == amount


@pytest.mark.parametrize(
    "written",
    [
        "",
        "$",
        "NaN",
        "inf",
        "-Infinity",
        "1e3",
        "1,0",
        "10,00.5",
        "45 EUR",
        "１０",
        "1" * 100,
        "123456789",
        "0.00001",
        "-1",
        "-$5.00",
        0.1 + 0.2,
        10**4000,
        "1" * 10 + ".5",
        None,
        True,
        [],
        float("nan"),
        float("inf"),
        Decimal("sNaN"),
        Decimal("1e-999999"),
    ],
)
def test_it_refuses_what_is_not_an_amount_owed(written):
    with pytest.raises(ValueError):
        money.parse(written)


@pytest.mark.parametrize("written", ["-45.5", "-$45.5", "$-45.5", -45.5])
def test_it_reads_a_reversal_where_one_may_stand(written):
    assert money.parse(written, negative=True) == Decimal("-45.5")


def test_it_refuses_two_signs():
    with pytest.raises(ValueError):
        money.parse("-$-5", negative=True)


def test_it_gives_minus_nothing_as_nothing():
    assert str(money.parse("-0")) == "0"


@given(amounts)
def test_it_reads_back_what_it_wrote(amount):
    assert money.parse(str(amount), negative=True) == amount


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.00"), ("0.015", "0.02"), ("-0.025", "-0.02"), ("0.0251", "0.03"), ("7", "7.00")],
)
def test_it_rounds_half_to_the_even_cent(amount, rounded):
    assert str(money.cents(Decimal(amount))) == rounded


def test_it_puts_the_remainder_on_the_first():
    assert money.share(Decimal("10"), 3) == [
        Decimal("3.3334"),
        Decimal("3.3333"),
        Decimal("3.3333"),
    ]


@given(amounts, st.integers(1, 200))
def test_it_shares_to_the_last_digit(cost, parts):
    shares = money.share(cost, parts)
    assert sum(shares) == cost
    assert len(shares) == parts
    assert max(shares) - min(shares) < parts * Decimal("0.0001")


@pytest.mark.parametrize("parts", [0, -1])
def test_it_shares_between_someone(parts):
    with pytest.raises(ValueError):
        money.share(Decimal(1), parts)


@given(st.text() | st.floats() | st.integers() | st.decimals(allow_nan=True))
def test_it_raises_nothing_but_value_error(written):
    with contextlib.suppress(ValueError):
        money.parse(written)
