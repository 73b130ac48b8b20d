"""What is the number of a card, and what only looks like one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import cards

# The networks' and payment services' published test numbers.
TEST_NUMBERS = [
    "4111111111111111", "4222222222222", "4000056655665556", "5555555555554444",
    "5105105105105100", "2223003122003222", "378282246310005", "371449635398431",
    "6011111111111117", "6011000990139424", "30569309025904", "3530111333300000",
    "6200000000000005", "6304000000000000",
]  # fmt: skip


@pytest.mark.parametrize("number", TEST_NUMBERS)
def test_it_knows_the_cards_of_every_network(number):
    assert cards.mask(f"no. {number}.", by="#") == "no. #."


@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "4111-1111-1111-1111",
                                    "3782 822463 10005", "3056 930902 5904"])  # fmt: skip
def test_it_knows_them_in_groups(number):
    assert list(cards.spans(f"x {number} y")) == [(2, 2 + len(number))]


@pytest.mark.parametrize("number", TEST_NUMBERS)
def test_one_wrong_digit_makes_it_another_number(number):
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert cards.mask(wrong, by="#") == wrong


@pytest.mark.parametrize(
    "text",
    [
        "1704153600000",  # a moment in milliseconds
        "1111111111111117",  # a right check digit of no network
        "5900000000000003",
        "0.4111111111111111",  # a fraction
        "+4111111111111111",
        "x4111111111111111",
        "41111111111111111111111",
        "416-555-0100 1234",
        "4165550100 5125550100",
        "2024-01-15 10:30:00",
    ],
)
def test_it_leaves_other_numbers_alone(text):
    assert cards.mask(text, by="#") == text


def test_no_telephone_number_with_its_extension_is_a_card():
    for extension in range(100, 1000):
        assert not list(cards.spans(f"416-555-0100 {extension}"))


def test_few_random_identifiers_pass_for_a_card():
    chance = random.Random(7)
    numbers = [str(chance.randrange(10**15, 10**16)) for _ in range(5000)]
    assert sum(map(cards.is_card, numbers)) < 250


@given(st.text(max_size=60) | st.from_regex(r"[0-9 -]{0,40}", fullmatch=True))
def test_masking_leaves_no_card_behind(text):
    assert not list(cards.spans(cards.mask(text, by="•")))
