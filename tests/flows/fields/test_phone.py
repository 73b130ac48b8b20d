"""Phone numbers: the short way agrees with libphonenumber."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.fields import parse
from flows.fields.phone import read_with_library
from flows.fields.value import Invalid

# The territories count as the United States here.
TERRITORIES = {"PR", "GU", "VI", "AS", "MP"}


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("5551234567", "5551234567"),
        ("5555551234", "5555551234"),
        ("(512) 555-0100", "5125550100"),
        ("512.555.0100", "5125550100"),
        ("512/555-0100", "5125550100"),
        ("+1 512 555 0100", "5125550100"),
        ("1-512-555-0100", "5125550100"),
        ("15125550100", "5125550100"),
        ("tel:+1-512-555-0100", "5125550100"),
        (" ５１２５５５０１００ ", "5125550100"),
        (5125550100, "5125550100"),
        (5125550100.0, "5125550100"),
        ("416-555-0100", "4165550100"),
        ("876-555-0100", "+18765550100"),
        ("+44 20 7946 0958", "+442079460958"),
        ("011 44 20 7946 0958", "+442079460958"),
        ("+49 30 901820", "+4930901820"),
        ("1-800-FLOWERS", "8003569377"),
        ("0049 30 901820", "+4930901820"),
        ("00442079460958", "+442079460958"),
        ("(00) 44 20 7946 0958", "+442079460958"),
        ("001 512 555 0100", "5125550100"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("٥١٢٥٥٥٠١٠٠", "5125550100"),
        ("\u202e5125550100\u200b", "5125550100"),
        ("512–555–0100", "5125550100"),
        ("212-555-0123", "2125550123"),
    ],
)
def test_it_reads_numbers_as_people_write_them(raw, normal):
    assert parse("phone", raw).normal == normal


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("123", "has 3 digits instead of 10"),
        ("5551234", "has 7 digits instead of 10"),
        ("555123456789", "has 12 digits instead of 10"),
        ("0005551234", "has an area code that cannot exist"),
        ("1234567890", "has an area code that cannot exist"),
        ("911-555-0100", "has an area code that cannot exist"),
        ("112-555-0100", "has an area code that cannot exist"),
        ("999-999-9999", "has an area code that cannot exist"),
        ("373-555-0100", "has an area code that cannot exist"),
        ("212-055-0100", "has an exchange that cannot exist"),
        ("4111111111111111", "has 16 digits instead of 10"),
        ("512-155-0100", "has an exchange that cannot exist"),
        ("+44 12", "has too few or too many digits for its country"),
        ("donkey kong", "is not a phone number"),
        ("+999 123", "is not a phone number"),
    ],
)
def test_it_says_what_is_wrong(raw, reason):
    value = parse("phone", raw)
    assert (value.valid, value.reason, value.normal) == (False, reason, raw)


def test_it_gives_the_components():
    assert parse("phone", "(512) 789-1111 ext. 44").components == {
        "number": "5127891111",
        "area": "512",
        "exchange": "789",
        "line": "1111",
        "extension": "44",
        "country_code": "US",
        "is_tollfree": False,
        "type": "fixed_line_or_mobile",
    }


@pytest.mark.parametrize(
    "suffix",
    [
        "x44",
        " x 44",
        " ext 44",
        " ext. 44",
        "#44",
        ", 44",
        " extension 44",
        ";ext=44",
        " Ext: 44",
        " extn 44",
    ],
)
def test_it_reads_extensions(suffix):
    value = parse("phone", f"512-789-1111{suffix}")
    assert (value.normal, value.components["extension"]) == ("5127891111", "44")


@pytest.mark.parametrize("area", ["800", "833", "844", "855", "866", "877", "888"])
def test_it_knows_every_toll_free_code(area):
    components = parse("phone", f"{area}-555-1212").components
    assert (components["is_tollfree"], components["type"]) == (True, "toll_free")


def test_it_knows_toll_free_numbers_abroad():
    assert parse("phone", "+44 800 123 4567").components["is_tollfree"]


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("h", "home"),
        (" (w)", "work"),
        ("c", "mobile"),
        ("M", "mobile"),
        (" cell", "mobile"),
        (" (Home)", "home"),
        (" office", "work"),
    ],
)
def test_it_takes_the_hint_of_the_form(suffix, kind):
    value = parse("phone", f"5127891111{suffix}")
    assert (value.normal, value.components["type"]) == ("5127891111", kind)


@pytest.mark.parametrize("area", range(200, 1000))
def test_it_places_every_area_code_where_libphonenumber_does(area):
    region = phonenumbers.region_code_for_number(phonenumbers.parse(f"{area}2345678", "US"))
    value = parse("phone", f"{area}2345678")
    if region is None:
        assert not value.valid or value.components["country_code"] == "US"
    else:
        expected = "US" if region in TERRITORIES else region
        assert value.components["country_code"] == expected


ten = st.tuples(st.integers(0, 999), st.integers(0, 999), st.integers(0, 9999))
shapes = st.sampled_from(
    [
        "{:03}{:03}{:04}",
        "({:03}) {:03}-{:04}",
        "{:03}-{:03}-{:04}",
        "+1 {:03} {:03} {:04}",
        "1{:03}{:03}{:04}",
        "{:03}.{:03}.{:04}",
        "{:03}/{:03}-{:04}",
    ]
)


@settings(max_examples=500, deadline=None)
@example((849, 0, 0), "{:03}{:03}{:04}")
@given(ten, shapes)
def test_its_short_way_agrees_with_the_library(parts, shape):
    text = shape.format(*parts)
    short = parse("phone", text)
    # As dialled in the United States a leading 1 is the trunk prefix, and +1 is the country.
    plus = f"+1{parts[0]:03}{parts[1]:03}{parts[2]:04}"
    number = phonenumbers.parse(plus, "US")
    if short.valid:
        assert phonenumbers.is_possible_number(number)
        assert read_with_library(plus) == (short.normal, short.components)
    else:
        assert not phonenumbers.is_valid_number(number)
        with pytest.raises(Invalid):
            read_with_library(plus)
