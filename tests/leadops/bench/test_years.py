"""A year that is laid down agrees with itself, and holds what is asked for."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from django.db import connection, transaction

from events import recount, verify
from events.models import Event, Lead
from leadops.bench import record, years
from leadops.bench.years import RARE, RARE_OUTCOME, RARE_REASON, RARE_TYPE, Year

YEAR = Year(40, today=date(2026, 3, 3), days=3)
pytestmark = pytest.mark.django_db


@pytest.fixture
def laid() -> Year:
    """Three days of a year, in the test's own transaction, with their figures."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        raw = connection.connection
        years.months(raw, YEAR.first, YEAR.today)
        years.lay_day(raw, YEAR, 0, whole=True)
        record.count_here()
        for number in range(1, YEAR.days):
            years.lay_day(raw, YEAR, number, whole=True)
        raw.execute(record.COPY_FIGURES, {"days": YEAR.days})
    return YEAR


def test_it_agrees_with_itself(laid: Year) -> None:
    assert Event.objects.count() == laid.events == 1_200
    problems = {check.name: check.problems for check in verify.run([]) if check.problems}
    assert not problems


def test_it_has_rare_and_common_things(laid: Year) -> None:
    outcomes = Counter(Event.objects.values_list("outcome", flat=True))
    assert outcomes[RARE_OUTCOME] == laid.days < outcomes["rejected"] < outcomes["accepted"]
    assert Event.objects.filter(type=RARE_TYPE).count() == laid.days
    assert Event.objects.filter(reason__contains=RARE_REASON).count() == laid.days
    rare = Event.objects.filter(entity_id=laid.recipients[-1])
    assert set(rare.values_list("lead_id", flat=True)) == {
        laid.lead_id(RARE["recipient"], day) for day in range(laid.days)
    }
    assert Lead.objects.filter(test=True).count() == laid.days


def test_its_figures_are_those_of_every_day(laid: Year) -> None:
    with transaction.atomic():
        cells = recount.recount(recount.Comparison())
    days = Counter(f"{key[0]:%m-%d}" for key in cells)
    assert len(days) == laid.days
    assert len(set(days.values())) == 1
