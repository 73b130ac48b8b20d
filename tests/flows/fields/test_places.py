"""States, countries and postal codes."""

from __future__ import annotations

import pytest

from flows.fields import parse
from flows.fields.state import CANADA, UNITED_STATES


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("TX", "TX"), ("tx", "TX"), ("texas ", "TX"), ("TEXAS", "TX"), ("N.Y.", "NY"),
        ("new   york", "NY"), ("US-CA", "CA"), ("Washington, D.C.", "DC"), ("Puerto Rico", "PR"),
        ("W. Virginia", "WV"), ("West-Virginia", "WV"), ("Québec", "QC"), ("quebec", "QC"),
        ("ca-on", "ON"), ("Ill.", "IL"), ("Mich", "MI"), ("N. Dak.", "ND"), ("Ont.", "ON"),
        ("Île-du-Prince-Édouard", "PE"), ("Nouvelle-Écosse", "NS"), ("State of Texas", "TX"),
        ("Qu\u0065\u0301bec", "QC"), ("PEI", "PE"), ("Newfoundland and Labrador", "NL"),
        ("ＴＸ", "TX"),
    ],
)  # fmt: skip
def test_it_reads_states(raw, code):
    assert parse("state", raw).normal == code


@pytest.mark.parametrize("raw", ["XX", "Tejas", "T X", "Bavaria", "12", True])
def test_it_knows_no_other_states(raw):
    value = parse("state", raw)
    assert (value.valid, value.reason) == (False, "is not a state or province")


@pytest.mark.parametrize(("code", "name"), [*UNITED_STATES.items(), *CANADA.items()])
def test_it_reads_every_state_by_code_and_name(code, name):
    assert parse("state", code).normal == parse("state", name.upper()).normal == code
    assert parse("state", code).components["name"] == name


def test_it_says_which_country_a_state_is_in():
    assert parse("state", "tx").components == {"code": "TX", "name": "Texas", "country": "US"}
    assert parse("state", "BC").components["country"] == "CA"
    assert parse("state", "PR").components["country"] == "US"
    assert len(CANADA) == 13


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("US", "US"), ("usa", "US"), ("U.S.A.", "US"), ("United States of America", "US"),
        ("uk", "GB"), ("England", "GB"), ("deutschland", "DE"), ("DEU", "DE"),
        ("Cote d'Ivoire", "CI"), ("Côte d’Ivoire", "CI"), ("the United States", "US"),
        ("Brasil", "BR"), ("España", "ES"), ("Österreich", "AT"), ("the netherlands", "NL"),
        ("Türkiye", "TR"),
    ],
)  # fmt: skip
def test_it_reads_countries(raw, code):
    value = parse("country", raw)
    assert (value.normal, value.components["code"]) == (code, code)


def test_it_knows_no_other_countries():
    assert not parse("country", "Atlantis").valid
    assert parse("country", "GB").components["name"] == "United Kingdom"


@pytest.mark.parametrize(
    ("raw", "normal", "country"),
    [
        ("78704", "78704", "US"), (" 78704 ", "78704", "US"), ("78704-1234", "78704-1234", "US"),
        ("78704 - 1234", "78704-1234", "US"), ("787041234", "78704-1234", "US"),
        ("78704-", "78704", "US"), (78704, "78704", "US"), (2134, "02134", "US"),
        (78704.0, "78704", "US"), ("７８７０４", "78704", "US"),
        ("k1a0b1", "K1A 0B1", "CA"), ("K1A-0B1", "K1A 0B1", "CA"),
        ("sw1a1aa", "SW1A 1AA", "GB"), ("M1 1AE", "M1 1AE", "GB"), ("b338th", "B33 8TH", "GB"),
        ("CR2 6XH", "CR2 6XH", "GB"), ("DN55 1PT", "DN55 1PT", "GB"), ("W1A 0AX", "W1A 0AX", "GB"),
        ("EC1A 1BB", "EC1A 1BB", "GB"), ("GIR 0AA", "GIR 0AA", "GB"),
    ],
)  # fmt: skip
def test_it_reads_postal_codes(raw, normal, country):
    value = parse("postal_code", raw)
    assert (value.normal, value.components["country"]) == (normal, country)


@pytest.mark.parametrize(
    "raw", ["2134", "1234", "00000", "787044", "78704-12", "D1A 0B1", "SW1A 1A", "garbage", -78704]
)
def test_it_refuses_what_is_no_postal_code(raw):
    assert not parse("postal_code", raw).valid


def test_it_splits_a_zip_plus_four():
    assert parse("postal_code", "78704-1234").components == {
        "code": "78704-1234",
        "zip": "78704",
        "four": "1234",
        "country": "US",
    }
