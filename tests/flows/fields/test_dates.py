"""Dates, dates of birth and times."""

from __future__ import annotations

from datetime import date

import pytest

from flows.fields import parse

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("2024-01-15", "2024-01-15"), ("2024/1/5", "2024-01-05"), ("20240115", "2024-01-15"),
        (20240115, "2024-01-15"), ("1/15/2024", "2024-01-15"), ("01-15-2024", "2024-01-15"),
        ("1.15.2024", "2024-01-15"), ("1/15/24", "2024-01-15"), ("1/15/68", "2068-01-15"),
        ("1/15/69", "1969-01-15"), ("15/01/2024", "2024-01-15"), ("2/29/2024", "2024-02-29"),
        ("2024-01-15T14:30:45.123Z", "2024-01-15"), ("2024-01-15 14:30", "2024-01-15"),
        ("1/15/2024 2:30 PM", "2024-01-15"), ("2024-01-15T23:00:00-05:00", "2024-01-15"),
        ("Jan 15, 2024", "2024-01-15"), ("January 15th, 2024", "2024-01-15"),
        ("15 January 2024", "2024-01-15"), ("15-Jan-24", "2024-01-15"),
        ("Sept. 1, 2024", "2024-09-01"), ("01152024", "2024-01-15"), (1152024, "2024-01-15"),
        ("15JAN2024", "2024-01-15"), ("2024-Jan-15", "2024-01-15"), ("Jan 15 ’24", "2024-01-15"),
        ("15th of January, 2024", "2024-01-15"), ("1 / 15 / 2024", "2024-01-15"),
        ("1–15–2024", "2024-01-15"), ("١/١٥/٢٠٢٤", "2024-01-15"),
        ("Tue, 02 Jan 2024 10:00:00 GMT", "2024-01-02"),
        ("Mon Jan 15 2024 09:00:00 GMT-0500 (Eastern Standard Time)", "2024-01-15"),
        ("Mon Jun 02 2014", "2014-06-02"), ("２０２４-01-15", "2024-01-15"), (TODAY, "2026-11-21"),
    ],
)  # fmt: skip
def test_it_reads_dates_as_people_write_them(raw, normal):
    assert parse("date", raw).normal == normal


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("2/29/2023", "is a date that does not exist"),
        ("2/29/1900", "is a date that does not exist"),
        ("13/13/2024", "is a date that does not exist"),
        ("2024-31-01", "is a date that does not exist"),
        ("0000-01-01", "is a date that does not exist"),
        ("4/31/2024", "is a date that does not exist"),
        ("1/15", "is not a date"),
        ("1/15-2024", "is not a date"),
        ("1/15/024", "is not a date"),
        ("Foo 15, 2024", "is not a date"),
        ("yesterday", "is not a date"),
        ("1705329045", "is not a date"),
        ("Foo, May 5 2024", "is not a date"),
        ("2024-01-15 45:99", "is not a date"),
        ("99991299", "is a date that does not exist"),
        ("1" * 200, "is not a date"),
    ],
)
def test_it_says_what_is_wrong_with_a_date(raw, reason):
    assert parse("date", raw).reason == reason


@pytest.mark.parametrize(
    ("raw", "normal", "age"),
    [
        ("11/21/2000", "2000-11-21", 26),
        ("11/22/2000", "2000-11-22", 25),
        ("2/29/2000", "2000-02-29", 26),
        ("11/21/26", "2026-11-21", 0),
        ("11/22/26", "1926-11-22", 99),
        ("2/29/84", "1984-02-29", 42),
        ("01311980", "1980-01-31", 46),
        (1311980, "1980-01-31", 46),
        ("1/1/1900", "1900-01-01", 126),
    ],
)
def test_it_reckons_the_age(raw, normal, age):
    value = parse("date_of_birth", raw, today=TODAY)
    assert (value.normal, value.components["age"]) == (normal, age)
    assert value.components["year"] == int(normal[:4])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("11/22/2026", "is in the future"),
        ("1/1/1850", "is more than 130 years ago"),
        ("1985", "is not a date"),
    ],
)
def test_it_refuses_impossible_births(raw, reason):
    assert parse("date_of_birth", raw, today=TODAY).reason == reason


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("14:30", "14:30"), ("9:05", "09:05"), ("2:30 pm", "14:30"), ("9am", "09:00"),
        ("12 a.m.", "00:00"), ("12:15 PM", "12:15"), ("14:30:05", "14:30:05"),
        ("2024-01-15T14:30:45.123Z", "2024-01-15T14:30:45.123Z"),
        ("2024-01-15 09:30:45-05:00", "2024-01-15T14:30:45.000Z"),
        ("1/15/2024 2:30 PM", "2024-01-15T14:30:00.000Z"),
        ("Mon, 15 Jan 2024 09:30:45 -0500", "2024-01-15T14:30:45.000Z"),
        ("noon", "12:00"), ("Midnight", "00:00"), ("14h30", "14:30"), ("2.30 p. m.", "14:30"),
    ],
)  # fmt: skip
def test_it_reads_times(raw, normal):
    assert parse("time", raw).normal == normal


@pytest.mark.parametrize(
    "raw",
    [
        "24:00",
        "12:60",
        "13pm",
        "0am",
        "9",
        "lunch",
        "2024-13-01T10:00",
        "1430",
        "9:30 " * 30,
        "1/15/2024 25:00",
        "1/15/2024 9:00 +9900",
    ],
)
def test_it_refuses_what_is_no_time(raw):
    assert not parse("time", raw).valid


@pytest.mark.parametrize(
    ("today", "age"),
    [("2023-02-28", 22), ("2023-03-01", 23), ("2024-02-28", 23), ("2024-02-29", 24)],
)
def test_who_was_born_on_a_leap_day_is_a_year_older_on_the_first_of_march(today, age):
    value = parse("date_of_birth", "2000-02-29", today=date.fromisoformat(today))
    assert value.components["age"] == age
