"""All types together: none raises, all normal forms stay as they are, and it is fast."""

from __future__ import annotations

import json
import math
import time
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.fields import FIELD_TYPES, Value, field_types, flatten, parse

CONTRACT = (
    "string first_name last_name email phone postal_code state country street city number currency"
    " range boolean date date_of_birth time url ip gender ssn trustedform_url"
)

NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "\ud800",
    "\ufeff",
    "\u202e5551234567",
    "５５５１２３４５６７",
    "ａ＠ｂ．ｃｏ",
    "عنوان@مثال.إختبار",
    "א" * 64 + "@b.co",
    "İ@İ.com",
    "ß@ß.de",
    "ﬁ@x.com",
    "ǅ@x.com",
    "1" * 10_000,
    "x" * 10_001,
    "a@" * 200,
    "." * 300,
    "@",
    "a@b",
    "a@.co",
    "http://[",
    "http://]/",
    "http://a.co:99999/",
    "http://℀.com",
    "http://xn--a.com",
    "https://" + "a" * 300 + ".com",
    "1e400",
    "-1e-400",
    "1e999",
    "nan",
    "inf",
    "-0",
    "(0)",
    "٣٤",
    "0x10",
    "1_000",
    "½",
    "²",
    "0000-00-00",
    "9999-12-31",
    "31/31/2024",
    "2/30/24",
    "24:00",
    "12:60",
    "0am",
    "13pm",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "2024-02-30T10:00",
    "::ffff:1.2.3.4",
    "fe80::1%eth0",
    "1.2.3",
    "+",
    "+1",
    "+999123456",
    "tel:+1-512-555-0100",
    "0" * 10,
    "9" * 10,
    "911-555-0100",
    "10--5",
    "-5-5",
    "-10--5",
    "5-",
    "+5",
    "1..5",
    "k",
    "$",
    "$$5",
    "10 to",
    "<",
    "-$5k",
]

strange = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.dates()
    | st.binary(max_size=5)
    | st.text(max_size=40)
    | st.sampled_from(NASTY)
    | st.from_regex(r"[0-9$(),.+\- ktoapmTZ:/x@]{1,25}", fullmatch=True),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
types = st.sampled_from(field_types())


def test_it_has_every_type_of_the_contract():
    assert set(CONTRACT.split()) == set(field_types())
    assert all(kind.label for kind in FIELD_TYPES.values())


def test_it_knows_no_other_type():
    with pytest.raises(KeyError):
        parse("colour", "red")


def same(one, other):
    return type(one) is type(other) and (one == other or (one != one and other != other))


@settings(max_examples=1500, deadline=None)
@given(types, strange)
@example("number", 10**5000)
@example("phone", 10**5000)
@example("string", Decimal("sNaN"))
@example("string", object())
def test_it_never_raises_and_its_normal_forms_stay_as_they_are(type_name, raw):
    value = parse(type_name, raw)
    assert value.valid is (value.reason == "")
    if value.valid:
        again = parse(type_name, value.normal)
        assert again.valid
        assert same(again.normal, value.normal)
    flat = flatten("x", value)
    assert flat["x.valid"] is value.valid
    assert set(value.components) <= set(FIELD_TYPES[type_name].components)


@pytest.mark.parametrize("type_name", field_types())
@pytest.mark.parametrize("raw", NASTY, ids=[str(number) for number in range(len(NASTY))])
def test_it_withstands_the_awkward_ones(type_name, raw):
    value = parse(type_name, raw)
    if value.valid:
        assert same(parse(type_name, value.normal).normal, value.normal)


@settings(deadline=None)
@given(types, strange)
def test_it_gives_what_the_record_can_store(type_name, raw):
    flat = flatten("x", parse(type_name, raw))
    stored = json.dumps(flat, default=str, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in stored
    stored.encode()


@pytest.mark.parametrize("type_name", field_types())
@pytest.mark.parametrize("raw", ["", "  ", "\x00", None])
def test_it_calls_nothing_blank(type_name, raw):
    value = parse(type_name, raw)
    assert (value.valid, value.reason) == (False, "is blank")


@pytest.mark.parametrize(("raw", "blank"), [("", True), (None, True), ([], True), (0, False)])
def test_it_tells_nothing_from_something(raw, blank):
    assert parse("number", raw).blank is blank


@pytest.mark.parametrize("raw", [[1], {"a": 1}, ["a@b.co"], object(), b"x"])
def test_it_takes_one_value_only(raw):
    assert not parse("string", raw).valid


def test_it_bounds_what_it_reads():
    assert parse("string", "x" * 10_000).valid
    assert parse("string", "x" * 10_001).reason == "is longer than 10,000 characters"


def test_it_takes_away_what_nobody_sees():
    assert parse("string", " a\x00b\u202ec\u200b \n").normal == "abc"
    assert parse("city", "São\u00a0 Paulo").normal == "São Paulo"
    assert parse("string", "e\u0301").normal == "é"


def test_it_never_repeats_the_value_in_the_reason():
    for type_name in field_types():
        assert "zq7zq" not in parse(type_name, "zq7zq@").reason


def test_it_flattens_to_dotted_keys():
    assert flatten("email", parse("email", "John@Example.com")) == {
        "email": "john@example.com",
        "email.valid": True,
        "email.raw": "John@Example.com",
        "email.user": "john",
        "email.domain": "example.com",
        "email.host": "example",
        "email.tld": "com",
        "email.is_free": False,
        "email.is_disposable": False,
    }


def test_it_keeps_an_invalid_value_as_it_came():
    assert flatten("email", parse("email", "John@")) == {
        "email": "John@",
        "email.valid": False,
        "email.reason": "has a domain without a dot",
    }


def test_it_keeps_the_raw_value_where_only_its_kind_differs():
    assert flatten("n", parse("number", "85"))["n.raw"] == "85"
    assert "n.raw" not in flatten("n", parse("number", 85))


def test_it_makes_odd_raw_values_storable():
    assert flatten("x", parse("email", "a\x00\ud800"))["x"] == "a�?"
    assert flatten("x", parse("number", math.nan))["x"] == "nan"
    assert flatten("x", parse("number", 10**5000))["x"].startswith("0x")
    deep = []
    for _ in range(5_000):
        deep = [deep]
    assert "…" in json.dumps(flatten("x", parse("string", deep)), ensure_ascii=False)


def test_it_is_a_value():
    value = parse("state", "tx")
    assert value == parse("state", "tx")
    assert isinstance(value, Value)


# Much above a thousandth of a second on an idle machine: a tenth of the bound even on a busy one.
PATIENCE = 1.0  # seconds of the processor's time

ENDLESS = [
    "1" * 10_000,
    "1 " * 5_000,
    "1," * 5_000,
    "1-" * 5_000,
    "1.1" * 3_000,
    "a" * 10_000,
    "a." * 5_000,
    "a@" * 5_000,
    "a" * 64 + "@" + "a-" * 5_000,
    "ä" * 10_000,
    "xn--" * 2_500,
    "@" * 10_000,
    " ." * 5_000,
    "(" * 10_000,
    "$" * 10_000,
    "k" * 10_000,
    "1" + " " * 9_998 + "x",
    "january " * 1_200,
    "mon " * 2_500,
    "12:30 " * 1_600,
    "http://" + "a." * 1_900 + "com",
    "http://x.com/" + "?a=" * 1_200,
    "[" + ":" * 9_998 + "]",
    "٣" * 10_000,
    "e" + "\u0301" * 9_000,
]


@pytest.mark.parametrize("type_name", field_types())
def test_no_text_takes_it_long(type_name):
    for text in ENDLESS:
        before = time.process_time()
        parse(type_name, text)
        assert time.process_time() - before < PATIENCE, text[:20]


def test_it_reckons_ages_against_the_day_it_is_given():
    value = parse("date_of_birth", "2000-02-29", today=date(2024, 2, 28))
    assert value.components["age"] == 23


def test_every_type_shows_what_it_takes():
    assert all(kind.takes for kind in FIELD_TYPES.values())
