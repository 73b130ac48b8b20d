"""Batches of a recipient in a bundle."""

from __future__ import annotations

import pytest

from leadops.config.sections.batches import write_batch
from recipients.loading import load_recipients
from recipients.models import Batching, Recipient
from recipients.plan import BatchFormat
from tests.leadops.config.bundles import changed, load, mistakes

pytestmark = pytest.mark.django_db

POOL = """\
leadops: 1
recipients:
  - slug: pool
    name: Pool
    endpoint: {url: https://pool.example/leads}
    mapping: {id: "{{lead.id}}", email: "{{lead.email}}"}
    response: {success: status = "accepted"}
    batch:
      count: 250
      age: 10m
      format: csv
      name: leads-{{batch.id}}
      formulas: keep
      reply: {items: results, key: id, matches: "{{lead.id}}"}
"""


def test_it_loads_how_leads_gather_and_writes_it_back() -> None:
    load(POOL)
    (plan,) = load_recipients().values()
    assert plan.batch is not None
    assert (plan.batch.count, plan.batch.age, plan.batch.format) == (250, 600.0, BatchFormat.CSV)
    assert not plan.batch.guards
    assert plan.batch.reader is not None
    assert load(POOL) == []
    (pool,) = Recipient.objects.all()
    assert write_batch(pool) == {
        "count": 250,
        "age": "10m",
        "format": "csv",
        "name": "leads-{{batch.id}}",
        "formulas": "keep",
        "reply": {"items": "results", "key": "id", "first": 1, "matches": "{{lead.id}}"},
    }


def test_it_forgets_batches_that_the_bundle_does_not_name() -> None:
    load(POOL)
    load(POOL.split("    batch:")[0])
    assert not Batching.objects.exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("count: 250", "count: 0", "recipients[0].batch.count: Ensure"),
        ("count: 250", "count: 10001", "recipients[0].batch.count: Ensure"),
        ("age: 10m", "age: 8d", "recipients[0].batch.age: Between 1s and 7d"),
        ("format: csv", "format: pdf", "recipients[0].batch.format"),
        ("items: results, ", "", "recipients[0].batch.reply: Say where"),
        ("key: id,", "key: id, number: row,", "recipients[0].batch.reply"),
        ("name: leads-{{batch.id}}", "name: leads-{{batch.id", "recipients[0].batch.name"),
        ("count: 250", "counts: 250", "recipients[0].batch"),
    ],
)
def test_it_tells_what_is_wrong(old: str, new: str, said: str) -> None:
    (found, *_) = mistakes(changed(old, new, POOL))
    assert said in found
