"""A source's names for our fields."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flows.arrival.aliases import compiled

TABLE = {"fname": "first_name", "contact.phone": "phone_1", "tel": "phone_1", "social": "ssn"}


def applied(values, *, hidden=(), **more):
    return compiled({**TABLE, **more}).applied(values, hidden=hidden)


def test_it_reads_names_whatever_their_case():
    assert applied({"FName": "Ann", "state": "TX"}) == {"first_name": "Ann", "state": "TX"}


def test_it_finds_what_is_nested_and_what_has_dots_in_its_name():
    nested = {"Contact": {"Phone": "1", "fax": "2"}}
    assert applied(nested) == {"phone_1": "1", "Contact": {"fax": "2"}}
    assert nested == {"Contact": {"Phone": "1", "fax": "2"}}  # what was given stays as it was
    assert applied({"contact.phone": "1"}) == {"phone_1": "1"}
    assert applied({"contact": "x"}) == {"contact": "x"}
    assert applied({"contact": ["phone"]}) == {"contact": ["phone"]}


def test_our_own_name_stands_first():
    assert applied({"fname": "Bob", "first_name": "Ann"}) == {"fname": "Bob", "first_name": "Ann"}
    assert applied({"fname": "Bob", "first_name": " "}) == {"first_name": "Bob"}


def test_the_first_of_two_names_for_a_field_counts():
    assert applied({"tel": "1", "contact": {"phone": "2"}})["phone_1"] == "1"
    assert applied({"tel": "", "contact": {"phone": "2"}})["phone_1"] == "2"


def test_nothing_hidden_stays_under_another_name():
    values = {"social": "219-09-9999", "ssn": "219-09-9998"}
    assert applied(values, hidden=["ssn"]) == {"ssn": "219-09-9998"}


def test_a_later_table_stands_before_an_earlier_one():
    aliases = compiled({"name": "first_name"}, {"Name": "last_name"})
    assert aliases.applied({"name": "Ann"}) == {"last_name": "Ann"}


def test_trustedforms_field_needs_no_alias():
    assert compiled().applied({"XXTRUSTEDFORMCERTURL": "u"}) == {"trustedform_cert_url": "u"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["fname", "FNAME", "contact", "first_name", "x", "tel"]), JSON, max_size=6
    )
)
def test_it_never_fails_and_invents_nothing(values):
    found = applied(values)
    assert set(found) <= set(values) | set(TABLE.values())
    assert len(found) <= len(values) + 1
