"""What an address chooses of a list."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from events.chosen import Chosen


@dataclass(frozen=True, slots=True)
class Filters(Chosen):
    known = {"size": ("small", "large")}

    size: str = ""
    name: str = ""


def test_it_reads_what_it_knows_and_leaves_out_the_rest():
    read = Filters.read({"size": "large", "name": "a\0b", "after": "x", "other": "y"})
    assert read == Filters(size="large", name="ab", after="x")


@pytest.mark.parametrize("word", ["", "huge", "LARGE"])
def test_a_word_that_is_not_known_chooses_nothing(word: str):
    assert Filters.read({"size": word}) == Filters()


@pytest.mark.parametrize(
    ("query", "any"), [({}, False), ({"after": "x"}, False), ({"name": "a"}, True)]
)
def test_it_tells_whether_anything_is_chosen(query: dict[str, str], any: bool):
    assert Filters.read(query).any is any
