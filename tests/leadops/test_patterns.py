"""Patterns end, always: at save by refusal, at run by their time limit."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadops.lib import patterns


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(.*a){20}",
        "(x|x)*y",
        "^(a+)+b$",
        r"^(\w+\s?)*$",
        "([a-zA-Z]+)*$",
        "(a|aa)+$",
        "foo(a*)*b",
        r"(\d+)+x",
        "(a|a?)+$",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?:ab|a|b)*c",
        r"(.*)*x",
        r"prefix-(?:\d+,?)+end",
    ],
)
def test_it_refuses_a_catastrophic_pattern_at_save(pattern: str) -> None:
    with pytest.raises(patterns.PatternError, match="for ever"):
        patterns.check(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "DUP",
        r"id=(\w+)",
        r"^\s*OK\s*$",
        r"(?i)accepted",
        r"^[A-Z]{2}$",
        r"\b(dup|duplicate|already (?:sold|purchased))\b",
        r"^[\w.+-]+@[\w-]+\.[\w.]+$",
        r"<id>([^<]*)</id>",
        r"price[:=]\s*\$?([\d,]+\.?\d*)",
        r"^(?:\+?1)?\d{10}$",
        r".*",
        "",
        r"status\s*=\s*\"(\w+)\"",
        r"^(?:\w+,)*\w+$",
        r"(<li>[^<]*</li>)+",
        r"(?<year>\d{4})-(?<month>\d{2})",
    ],
)
def test_it_takes_the_patterns_that_people_write(pattern: str) -> None:
    patterns.check(pattern)


@pytest.mark.parametrize(("pattern", "position"), [("a(b", 3), ("[a-", 3), ("x**", 2), ("a)", 1)])
def test_it_says_where_the_syntax_is_wrong(pattern: str, position: int) -> None:
    with pytest.raises(patterns.PatternError) as caught:
        patterns.check(pattern)
    assert caught.value.position is not None
    assert abs(caught.value.position - position) <= 1
    assert caught.value.message


@pytest.mark.parametrize("pattern", ["(?R)", "a(?1)", "(?&x)", "a{100000}", "a" * 1001])
def test_it_refuses_patterns_without_bound(pattern: str) -> None:
    with pytest.raises(patterns.PatternError):
        patterns.compile(pattern)


def test_it_interrupts_a_search_at_its_limit() -> None:
    pattern = patterns.compile("(x|x)*y")
    began = time.monotonic()
    with pytest.raises(patterns.PatternTimeout):
        pattern.search("x" * 60 + "!y")
    assert time.monotonic() - began < 2


def test_it_respects_case_unless_told_otherwise() -> None:
    assert patterns.compile("DUP").search("dup") is None
    assert patterns.compile("DUP", ignore_case=True).search("dup") is not None


def test_it_finds_groups() -> None:
    found = patterns.compile(r"id=(\w+)").search("ok id=ABC123;")
    assert found is not None
    assert found.group(1) == "ABC123"


def test_it_replaces_by_the_very_characters() -> None:
    assert patterns.compile(r"\d").sub(r"\1", "a1b2") == r"a\1b\1"


def test_it_matches_a_whole_text() -> None:
    assert patterns.compile("a+").fullmatch("aab") is None
    assert patterns.compile("a+").fullmatch("aa") is not None


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab(|)*+?{},1[]^$.\\dws", max_size=12), st.text(max_size=30))
def test_it_raises_only_its_own_errors(pattern: str, text: str) -> None:
    try:
        patterns.check(pattern)
        patterns.compile(pattern).search(text)
    except (patterns.PatternError, patterns.PatternTimeout):
        pass


@pytest.mark.parametrize(
    "pattern",
    [
        "(" * 10 + "a{9}" + "){9}" * 10,
        "(?:" * 5 + "\\d{100,}" + "){100,}" * 5,
        "(?:(?:[ab]{1000}){1000})",
        "(" * 490 + "a" + "){2}" * 100 + ")" * 390,
    ],
)
def test_it_refuses_repeats_that_multiply_before_they_fill_the_memory(pattern: str) -> None:
    with pytest.raises(patterns.PatternError):
        patterns.compile(pattern)


@pytest.mark.parametrize("pattern", ["(?:\\d{3}-){1,3}\\d{4}", "[A-Z]{1000}", "(a{10}){100}"])
def test_it_takes_repeats_of_a_reasonable_size(pattern: str) -> None:
    patterns.compile(pattern)
