"""Numbers, money and ranges."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flows.fields import parse


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("85", 85), ("1e3", 1000), ("(500)", -500), ("($500)", -500), ("1,234.5", 1234.5),
        ("-7", -7), (".5", 0.5), ("0", 0), ("-0", 0), ("8.0", 8), (85, 85), (8.5, 8.5),
        (Decimal("8.25"), 8.25), ("１２", 12), ("$1,045.50", 1045.5), ("-$5", -5), ("$-5", -5),
        ("5 USD", 5), ("5 dollars", 5), ("US $5", 5), ("₹5", 5), ("50k", 50000), ("$1.5k", 1500),
        ("2 thousand", 2000), ("٣٤", 34), ("१२", 12), ("−5", -5), ("€ 5", 5),
        ("US$5", 5), ("999999999999999", 999999999999999),
    ],
)  # fmt: skip
@pytest.mark.parametrize("type_name", ["number", "currency"])
def test_it_reads_numbers_as_people_write_them(type_name, raw, number):
    normal = parse(type_name, raw).normal
    assert normal == number
    assert type(normal) is type(number)


@pytest.mark.parametrize(
    "raw",
    [
        "abc",
        "12 34",
        "5²",
        "10 to 5",
        "5%",
        "5m m",
        "1.2.3",
        "nan",
        "inf",
        True,
        "$$5",
        "5-",
        "10^3",
        "0x1F",
        "½",
    ],
)
@pytest.mark.parametrize("type_name", ["number", "currency"])
def test_it_does_not_make_a_number_of_everything(type_name, raw):
    value = parse(type_name, raw)
    assert (value.valid, value.reason) == (False, "is not a number")


@pytest.mark.parametrize("raw", ["1,23", "1.234,50", "1 234,50 €", "5,0"])
def test_it_does_not_guess_at_a_decimal_comma(raw):
    assert parse("currency", raw).reason == (
        "is not a number (a comma parts thousands here, a point decimals)"
    )


@pytest.mark.parametrize(("raw", "dollars"), [("$1.5M", 1_500_000), ("2 million", 2_000_000)])
def test_an_m_is_a_million_of_money_alone(raw, dollars):
    assert parse("currency", raw).normal == dollars
    assert parse("number", "5m").valid is False


def test_it_takes_an_identifier_for_no_number():
    assert parse("number", "4111111111111111").reason == "has more than 15 digits"


@pytest.mark.parametrize(
    ("raw", "normal", "components"),
    [
        ("10 to 5", "5-10", {"min": 5, "max": 10, "avg": 7.5}),
        ("1 - 10", "1-10", {"min": 1, "max": 10, "avg": 5.5}),
        ("1–10", "1-10", {"min": 1, "max": 10, "avg": 5.5}),
        ("1 10", "1-10", {"min": 1, "max": 10, "avg": 5.5}),
        ("$50,000 to $75,000", "50000-75000", {"min": 50000, "max": 75000, "avg": 62500}),
        ("$50k-$75k", "50000-75000", {"min": 50000, "max": 75000, "avg": 62500}),
        ("999.95 to 1000.95", "999.95-1000.95", {"min": 999.95, "max": 1000.95, "avg": 1000.45}),
        ("between 1 and 5", "1-5", {"min": 1, "max": 5, "avg": 3}),
        ("from 1 to 5", "1-5", {"min": 1, "max": 5, "avg": 3}),
        ("１００－２００", "100-200", {"min": 100, "max": 200, "avg": 150}),
        ("100 thru 200", "100-200", {"min": 100, "max": 200, "avg": 150}),
        ("50-75k", "50000-75000", {"min": 50000, "max": 75000, "avg": 62500}),
        ("500-1k", "500-1000", {"min": 500, "max": 1000, "avg": 750}),
        ("$1M+", "1000000+", {"min": 1000000}),
        ("Excellent (720+)", "720+", {"min": 720}),
        ("500 and above", "500+", {"min": 500}),
        ("≥ 500", "500+", {"min": 500}),
        ("no more than $500", "<500", {"max": 500}),
        ("500 or under", "<500", {"max": 500}),
        ("-10 to -5", "-10--5", {"min": -10, "max": -5, "avg": -7.5}),
        ("-5-5", "-5-5", {"min": -5, "max": 5, "avg": 0}),
        ("10+", "10+", {"min": 10}),
        ("-10.5+", "-10.5+", {"min": -10.5}),
        ("over $10", "10+", {"min": 10}),
        ("under 10", "<10", {"max": 10}),
        ("10", "10", {"min": 10, "max": 10, "avg": 10}),
        (5.5, "5.5", {"min": 5.5, "max": 5.5, "avg": 5.5}),
        ("-10", "-10", {"min": -10, "max": -10, "avg": -10}),
        ("0", "0", {"min": 0, "max": 0, "avg": 0}),
    ],
)
def test_it_reads_ranges(raw, normal, components):
    value = parse("range", raw)
    assert value.valid is (normal is not None)
    assert dict(value.components) == components
    assert value.normal == (normal or raw)


@pytest.mark.parametrize("raw", ["asdf", "1-2-3", "to 10", "5 to x", "k", "5-", "1 " * 60])
def test_it_refuses_what_is_no_range(raw):
    assert parse("range", raw).reason == "is not a range of numbers"
