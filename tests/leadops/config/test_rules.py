"""Rules in bundles: mistakes with their lines, and rules as conditions of mappings."""

from __future__ import annotations

import pytest

from leadops.config import loading
from recipients.models import Recipient
from tests.leadops.config.bundles import changed, line_of, load, mistakes

pytestmark = pytest.mark.django_db

PLAIN = 'firstName: "{{lead.first_name}}"'
RULED = 'firstName: {value: "{{lead.first_name}}", when: {field: state, op: in, value: [TX]}}'


def test_it_takes_rules_as_conditions_of_a_mapping_and_writes_them_back():
    text = changed(PLAIN, RULED)
    load(text)
    row = Recipient.objects.get(slug="abc-insurance").mapping_rows.get(key="firstName")
    assert row.when == '{"field": "state", "op": "in", "value": ["TX"]}'
    dump = loading.dump()
    assert load(dump) == []
    assert load(text) == []


def test_it_names_the_line_of_a_mistake_in_a_rule():
    wrong = changed("{field: state, op: in, value: [TX, CA, FL]}", "{field: state, op: inn}")
    found = mistakes(wrong)
    assert any(str(line_of("op: inn", wrong)) in each and "inn" in each for each in found), found


def test_it_names_the_line_of_a_pattern_that_goes_wrong():
    good = "{field: state, op: is, value: TX}"
    bad = '{field: zip, op: matches, value: "(7"}'
    rule = f"\n          all:\n          - {good}\n          - {bad}"
    wrong = changed("{all: [{field: state, op: in, value: [TX, CA, FL]}]}", rule)
    found = mistakes(wrong)
    line = line_of("op: matches", wrong)
    assert any(str(line) in each and "character" in each for each in found), (line, found)
