"""What flows' steps did, as it is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from events import figures, recount, rollups
from events.models import Rollup, Tally
from events.periods import Span
from recipients.outcomes import Outcome
from tests.factories import deliver_lead, make_flow, make_recipient, make_source

pytestmark = pytest.mark.django_db
MIGRATION = "events.migrations.0016_figures_of_steps"
KINDS = ("filter", "enhance", "auction", "result")


def read(flow_id: str, *, steps: bool = True) -> dict[tuple[str, str], int]:
    now = datetime.now(UTC)
    span = Span(now - timedelta(hours=1), now + timedelta(hours=1), ZoneInfo("UTC"))
    scope = figures.Scope(span, flow=flow_id, steps=steps)
    [rows] = figures.read(scope, [["kind", "outcome"]])
    return {(row.key["kind"], row.key["outcome"]): row.n for row in rows}


@pytest.fixture
def flow():
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    deliver_lead(flow, source)
    deliver_lead(flow, source, outcomes={recipient.slug: [Outcome.REJECTED]})
    deliver_lead(flow, source, state="NY")
    return flow


def test_it_counts_filters_and_ends(flow):
    found = read(flow.id)
    assert found["filter", "passed"] == 2
    assert found["filter", "failed"] == 1
    assert found["result", "sold"] == found["result", "unsold"] == 1
    assert found["result", "stopped"] == 1


def test_it_keeps_steps_out_of_the_figures_of_recipients(flow):
    assert not {kind for kind, _ in read(flow.id, steps=False)} & set(KINDS)


def test_it_equals_a_recount(flow):
    rollups.fold()
    with transaction.atomic():
        assert recount.compare(most=5).problems == []


def test_it_counts_what_was_there_before_likewise(flow):
    """The migration counts by SQL what `cells` counts since."""
    while rollups.fold():
        pass
    key = [*Rollup.KEY, "n"]
    counted = set(Rollup.objects.filter(kind__in=KINDS).values_list(*key))
    assert counted
    assert not Tally.objects.exists()
    migration = import_module(MIGRATION)
    Rollup.objects.filter(kind__in=KINDS).delete()
    with connection.cursor() as cursor:
        cursor.execute(migration.COUNT)
    assert set(Rollup.objects.filter(kind__in=KINDS).values_list(*key)) == counted
