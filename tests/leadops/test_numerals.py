"""Numbers as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import numerals


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("85", 85),
        ("1e3", 1000),
        ("(500)", -500),
        ("( 1,045.50 )", Decimal("-1045.5")),
        ("1,234.5", Decimal("1234.5")),
        (" -7. ", -7),
        (".5", Decimal("0.5")),
        ("１２", 12),
        ("−3", -3),
    ],
)
def test_it_reads_the_whole_text_as_a_number(written, number):
    assert numerals.read(written) == number


@pytest.mark.parametrize(
    "written",
    ["", "nan", "inf", "1,23", "12 34", "0x10", "1e", "1e9999", "--1", "(-5)", "()", "9" * 41, "½"],
)
def test_it_does_not_guess(written):
    assert numerals.read(written) is None


def test_it_takes_a_float_as_it_is_written():
    assert numerals.exact(0.1) == Decimal("0.1")
    assert numerals.exact(float("nan")) is None
    assert numerals.exact(Decimal("inf")) is None


@given(st.text())
def test_it_never_raises(written):
    assert numerals.read(written) is None or numerals.read(written).is_finite()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20)))
def test_it_reads_back_what_python_writes(number):
    assert numerals.read(str(number)) in (number, None)
