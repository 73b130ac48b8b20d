"""From a value to what a list keeps of it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.fields import field_types
from flows.suppression import values
from flows.suppression.values import Unusable
from recipients.plan import ListPlan
from recipients.suppression import TYPES, type_by_name

PHONES = ListPlan(1, "dnc", ("phone_1",), "phone")
EMAILS = ListPlan(2, "out", ("email",), "email")


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    "text", ["5125550100", "(512) 555-0100", "+1 512 555 0100", "1-512-555-0100", "５１２5550100"]
)
def test_every_way_to_write_a_phone_is_one_entry(text):
    assert values.entry(PHONES, text) == values.entry(PHONES, "512.555.0100")
    assert values.digests(PHONES, text) == [values.entry(PHONES, text)]


def test_email_is_compared_in_small_letters():
    assert values.entry(EMAILS, " Ann@Example.COM") == values.entry(EMAILS, "ann@example.com")


@pytest.mark.parametrize("text", ["", "no phone", "512555", "x" * 600])
def test_what_is_no_value_is_unusable_and_is_not_repeated(text):
    with pytest.raises(Unusable) as caught:
        values.entry(PHONES, text)
    assert not text or text not in str(caught.value)
    assert values.digests(PHONES, text) == []


@pytest.mark.parametrize("hashed", ["md5", "sha256"])
@pytest.mark.parametrize("form", ["5125550100", "15125550100", "+15125550100"])
def test_hashed_phones_are_found_in_all_usual_forms(hashed, form):
    plan = ListPlan(3, "h", ("phone_1",), "phone", hashed)
    given_hash = getattr(hashlib, hashed)(form.encode()).hexdigest()
    assert values.entry(plan, given_hash.upper()) in values.digests(plan, "(512) 555-0100")
    assert values.entry(plan, given_hash) not in values.digests(plan, "(512) 555-0101")


def test_hashed_numbers_from_abroad_are_found_with_and_without_plus():
    plan = ListPlan(3, "h", ("phone_1",), "phone", "md5")
    found = values.digests(plan, "+44 20 7946 0958")
    for form in ("+442079460958", "442079460958"):
        assert values.entry(plan, md5(form)) in found


def test_hashed_email_is_found_in_small_letters():
    plan = ListPlan(3, "h", ("email",), "email", "md5")
    assert values.digests(plan, "Ann@Example.com") == [values.entry(plan, md5("ann@example.com"))]


def test_a_list_of_hashes_takes_values_in_clear_too():
    plan = ListPlan(3, "h", ("phone_1",), "phone", "sha256")
    assert values.entry(plan, "512-555-0100") in values.digests(plan, "5125550100")
    assert values.entry(plan, "512-555-0100") in values.sought(plan, "5125550100")


def test_the_hash_of_another_kind_is_refused():
    plan = ListPlan(3, "h", ("name",), "string", "sha256")
    with pytest.raises(Unusable, match="no sha256 hash"):
        values.entry(plan, md5("x"))


def test_nothing_of_a_value_or_its_hash_is_kept():
    for plan in (PHONES, ListPlan(3, "h", ("phone_1",), "phone", "md5")):
        kept = values.entry(plan, "5125550100")
        assert len(kept) == 16
        assert kept.hex() != md5("5125550100")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("phone_1", "phone"),
        ("mobile", "phone"),
        ("email", "email"),
        ("e_mail", "email"),
        ("email.domain", "string"),
        ("ip", "ip"),
        ("zip_code", "postal_code"),
        ("trip", "string"),
    ],
)
def test_a_fields_name_says_what_its_values_are(name, kind):
    assert type_by_name(name) == kind


def test_the_types_of_lists_are_types_of_fields():
    assert set(TYPES) <= set(field_types())


@given(st.text(), st.sampled_from(sorted(TYPES)), st.sampled_from(["none", "md5", "sha256"]))
def test_no_value_breaks_it_and_what_is_added_is_found(text, kind, hashed):
    plan = ListPlan(1, "l", ("x",), kind, hashed)
    try:
        kept = values.entry(plan, text)
    except Unusable:
        return
    assert kept in values.sought(plan, text)
