"""Names, streets, yes and no, gender, social security numbers."""

from __future__ import annotations

import pytest

from flows.fields import parse


@pytest.mark.parametrize("type_name", ["first_name", "last_name", "city"])
@pytest.mark.parametrize(
    ("raw", "normal"),
    [("  Mary   Ann ", "Mary Ann"), ("O'Neil", "O'Neil"), ("李", "李"), ("محمد", "محمد")],
)
def test_it_leaves_names_as_their_owners_write_them(type_name, raw, normal):
    assert parse(type_name, raw).normal == normal


@pytest.mark.parametrize(
    "raw", ["123", "---", "a@b.co", "http://spam.com", "x" * 201, True and "!"]
)
def test_it_takes_no_rubbish_for_a_name(raw):
    assert not parse("first_name", raw).valid


def test_it_reads_streets():
    assert parse("street", "12  Main St,\n Apt 4").normal == "12 Main St, Apt 4"
    assert not parse("street", "--").valid


@pytest.mark.parametrize("raw", ["a", 5, 5.0, False, "日本", "line one\nline two"])
def test_it_takes_anything_as_text(raw):
    assert parse("string", raw).valid


def test_it_writes_scalars_as_text():
    assert parse("string", 5.0).normal == "5"
    assert parse("string", False).normal == "false"


@pytest.mark.parametrize("raw", [True, "true", "YES", " y ", "1", 1, 1.0, "on", "ｙｅｓ"])
def test_it_reads_yes(raw):
    assert parse("boolean", raw).normal is True


@pytest.mark.parametrize("raw", [False, "false", "No", "n", "0", 0, "off"])
def test_it_reads_no(raw):
    assert parse("boolean", raw).normal is False


@pytest.mark.parametrize("raw", ["maybe", 2, "yes please", -1])
def test_it_does_not_decide_what_is_neither(raw):
    assert parse("boolean", raw).reason == "is neither yes nor no"


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("M", "male"),
        (" Female ", "female"),
        ("x", "other"),
        ("Non-Binary", "other"),
        ("girl", "female"),
    ],
)
def test_it_reads_genders(raw, normal):
    value = parse("gender", raw)
    assert (value.normal, value.components["abbr"]) == (normal, normal[0].upper())


@pytest.mark.parametrize("raw", ["50", "asdf", True])
def test_it_knows_no_other_genders(raw):
    assert not parse("gender", raw).valid


@pytest.mark.parametrize(
    "raw", ["123-45-6789", "123 45 6789", "123.45.6789", "123–45–6789", "123456789", 123456789]
)
def test_it_reads_social_security_numbers(raw):
    value = parse("ssn", raw)
    assert (value.normal, value.components["masked"]) == ("123456789", "***-**-6789")


def test_it_restores_the_zeros_that_a_number_lost():
    assert parse("ssn", 1234567).normal == "001234567"


@pytest.mark.parametrize(
    "raw",
    [
        "000-45-6789",
        "666-45-6789",
        "912-45-6789",
        "123-00-6789",
        "123-45-0000",
        "123-456789",
        "12345678",
        "1234567890",
        "***-**-6789",
    ],
)
def test_it_refuses_numbers_that_are_never_given(raw):
    value = parse("ssn", raw)
    assert not value.valid
    assert not any(char.isdigit() for char in value.reason)
