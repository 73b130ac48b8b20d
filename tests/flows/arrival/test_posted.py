"""Names that sources post values under."""

from __future__ import annotations

import pytest

from flows.arrival.posted import passes_for_ours, veiled

FIELDS = {"email", "ssn"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email.valid", True),
        ("ssn.raw", "x"),
        ("source.name", "Web Form B"),
        ("source", {"name": "Web Form B"}),
        ("appended.phone_check.carrier", "Verizon"),
        ("appended", {"phone_check": {"carrier": "Verizon"}}),
        ("id.raw", "x"),
    ],
)
def test_it_knows_what_a_source_may_not_say(name, value):
    assert passes_for_ours(name, value, FIELDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("utm.campaign", "winter"), ("source", "newsletter"), ("note", {"a": 1}), ("city", "Austin")],
)
def test_it_leaves_a_sources_own_names_to_it(name, value):
    assert not passes_for_ours(name, value, FIELDS)


@pytest.mark.parametrize("name", ["ssn", "SSN", " ssn ", "ssn.raw", "S-S_N", "applicant.ssn"])
def test_it_hides_a_sensitive_value_under_every_spelling_of_its_name(name):
    assert veiled({name: "536-22-4455"}, ["ssn"], mask="•••") == {name: "•••"}


def test_it_hides_sensitive_values_at_any_depth():
    values = {"people": [{"name": "Ann", "ssn": "536-22-4455"}], "ssn": None}
    assert veiled(values, ["ssn"], mask="•••") == {
        "people": [{"name": "Ann", "ssn": "•••"}],
        "ssn": None,
    }


def test_it_hides_nothing_where_no_field_is_sensitive():
    assert veiled({"ssn": "536-22-4455"}, [], mask="•••") == {"ssn": "536-22-4455"}
