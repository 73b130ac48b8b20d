"""Numbers and days, however they are written."""

from __future__ import annotations

import re

import pytest

from leadops.lib import spellings


def found(value: str, text: str) -> bool:
    return any(re.search(pattern, text) for pattern in spellings.of(value))


@pytest.mark.parametrize(
    "text",
    [
        "536-22-4455",
        "536 22 4455",
        "ssn=536224455&",
        "536.22.4455",
        "(536) 22-4455",
        "536%2D22%2D4455",
    ],
)
@pytest.mark.parametrize("value", ["536224455", "536-22-4455"])
def test_it_finds_a_number_however_it_is_parted(value, text):
    assert found(value, text)


@pytest.mark.parametrize(
    "text", ["02/03/1980", "2/3/1980", "3.2.1980", "19800203", "1980-2-3", "02%2F03%2F1980"]
)
def test_it_finds_a_day_in_every_order(text):
    assert found("1980-02-03", text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("536224455", "15362244559"),  # inside of a longer number
        ("12345", "12-345"),  # too short to tell
        ("Ann", "Ann"),
        ("1980-02-03", "1980-02-04"),
    ],
)
def test_it_finds_nothing_else(value, text):
    assert not found(value, text)
