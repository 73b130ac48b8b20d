"""The bench of field types reads a whole lead, and says what it cost."""

from __future__ import annotations

from flows.fields import field_types
from leadops.bench import fields


def test_it_reads_a_lead_of_thirty_fields_of_every_type():
    assert len(fields.LEAD) == 30
    assert set(fields.TYPES.values()) == set(field_types())


def test_it_says_what_a_lead_costs():
    figures = fields.run(0.05)
    assert (figures["errors"], figures["lost"]) == (0, 0)
    assert figures["lead_us"] > 0
    assert figures["ratio"] > 0
