"""Evidence of consent, judged without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.arrival import consent
from flows.arrival.consent import Terms, evidence, facts, lacks, read_moment

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CERT = {"cert": "https://cert.trustedform.com/abc", "cert.valid": True}


def judged(terms, values, *, required=True, max_age=None, later=0.0):
    found = evidence(terms, values, arrived=NOW)
    moment = NOW + timedelta(seconds=later)
    return lacks(found, required=required, max_age=max_age, now=moment)


@pytest.mark.parametrize(
    ("terms", "values", "lack"),
    [
        (Terms("cert"), CERT, ""),
        (Terms("cert"), {}, "cert is missing"),
        (Terms("cert"), {"cert": "  "}, "cert is missing"),
        (Terms("cert"), {"cert": "x", "cert.valid": False}, "cert is not valid"),
        (Terms("tick"), {"tick": True}, ""),
        (Terms("tick"), {"tick": False}, "tick says no"),
        (Terms("tick"), {"tick": " No "}, "tick says no"),
        (Terms("cert", text="words"), CERT, "words is missing"),
        (Terms("cert", text="words"), {**CERT, "words": "I agree"}, ""),
        (Terms("cert", at="agreed"), CERT, "agreed is missing"),
        (Terms("cert", at="agreed"), {**CERT, "agreed": "soon"}, "agreed is not a moment"),
        (Terms("cert", at="agreed"), {**CERT, "agreed": "2027-01-01"}, "agreed is in the future"),
        (Terms("cert", at="agreed"), {**CERT, "agreed": "2026-11-21T12:04:00Z"}, ""),
    ],
)
def test_it_says_what_is_wrong_with_the_evidence(terms, values, lack):
    assert judged(terms, values) == (f"Consent required: {lack}" if lack else "")
    assert judged(terms, values, required=False) == ""


def test_it_counts_the_age_from_the_field_that_says_when():
    values = {**CERT, "agreed": "2026-10-12T12:00:00+00:00"}
    lack = judged(Terms("cert", at="agreed"), values, max_age=30 * 86_400.0)
    assert lack == "Consent required: 40d old, 30d at most"


def test_it_counts_the_age_from_arrival_where_no_field_says_when():
    assert judged(Terms("cert"), CERT, max_age=86_400.0, later=86_000) == ""
    lack = judged(Terms("cert"), CERT, max_age=86_400.0, later=26 * 3_600)
    assert lack == "Consent required: 26h old, 1d at most"


def test_an_age_alone_asks_nothing_of_leads_without_evidence():
    assert judged(Terms("cert"), {}, required=False, max_age=1.0, later=100) == ""


def test_a_recipient_cannot_have_consent_where_the_flow_names_no_evidence():
    lack = lacks(None, required=True, max_age=None, now=NOW)
    assert lack.startswith("Consent required: the flow does not say")
    assert lacks(None, required=False, max_age=5.0, now=NOW) == ""


def test_the_record_names_fields_and_findings_and_no_values():
    terms = Terms("cert", required=True, max_age=86_400.0, at="agreed", text="words")
    values = {**CERT, "agreed": "2026-11-21T11:00:00Z", "words": "I, Ann, agree"}
    assert facts(evidence(terms, values, arrived=NOW), terms, now=NOW) == {
        "field": "cert",
        "present": True,
        "valid": True,
        "required": True,
        "age_seconds": 3600,
        "counted_from": "agreed",
        "text_field": "words",
        "text_present": True,
    }


def test_the_record_has_no_age_where_the_moment_is_not_known():
    terms = Terms("cert", at="agreed")
    found = facts(evidence(terms, CERT, arrived=NOW), terms, now=NOW)
    assert found["problem"] == "agreed is missing"
    assert not {"age_seconds", "counted_from"} & found.keys()


def test_the_record_says_what_is_wrong_though_nothing_is_required():
    terms = Terms("cert", max_age=60.0)
    later = NOW + timedelta(hours=1)
    found = facts(evidence(terms, CERT, arrived=NOW), terms, now=later)
    assert (found["valid"], found["problem"]) == (False, "older than 1m")
    missing = facts(evidence(terms, {}, arrived=NOW), terms, now=NOW)
    assert (missing["present"], missing["problem"]) == (False, "cert is missing")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:00:00-05:00", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("1763719200", datetime(2025, 11, 21, 10, tzinfo=UTC)),
        (1763719200000, datetime(2025, 11, 21, 10, tzinfo=UTC)),
        ("20 Nov", None),
        (True, None),
        ("9" * 40, None),
    ],
)
def test_it_reads_moments_as_senders_write_them(text, moment):
    assert read_moment(text) == moment


@given(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans()))
def test_no_value_breaks_it(value):
    terms = Terms("cert", at="cert", text="cert", max_age=5.0)
    found = evidence(terms, {"cert": value}, arrived=NOW)
    assert isinstance(consent.facts(found, terms, now=NOW)["valid"], bool)
    assert found.age(NOW) >= 0
