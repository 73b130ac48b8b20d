"""The questions of `bench record`: true ones, of every filter that there is."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.http import QueryDict

from events.eventpages.filters import Filters
from events.filters import EventFilters
from leadops.bench import asking
from leadops.bench.asking import Answer, Asked, Known
from leadops.bench.years import Year

YEAR = Year(40, today=date(2026, 3, 3))
KNOWN = Known(YEAR, ["a", "b"], ["c", "d", "e"], ["f", "g"])


def _read(query: asking.Query) -> tuple[Filters, list[str]]:
    return Filters.read(QueryDict(asking.address("", query).lstrip("?")))


def test_every_filter_of_the_console_is_asked_for() -> None:
    read = [_read(query) for query in asking.pages(KNOWN).values()]
    assert [problems for _, problems in read if problems] == []
    used = {name for filters, _ in read for name, _ in filters.pairs()}
    assert used == {one.name for one in fields(Filters)}


def test_every_filter_of_the_api_is_asked_for() -> None:
    used = {name for query in asking.calls(KNOWN).values() for name in query}
    assert used == set(EventFilters.base_filters)


def test_it_counts_what_was_slow_or_no_answer_at_all() -> None:
    asked = Asked("outcome")
    for answer in (
        Answer(200, 5.0, b"rows"),
        Answer(200, 120.0, b"Looked back to 3 Mar"),
        Answer(200, 3_000.0, b"That took too long to find. Narrow the period"),
        Answer(503, 9.0, b""),
    ):
        asked.note(answer)
    assert (asked.partial, asked.errors, asked.share(0.5)) == (1, 2, 120.0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["flow", "--events", "1000000"], "Only record"),
        (["record", "--events", "10"], "a number from"),
        (["record", "--reuse", "/nowhere"], "no bench was kept"),
        (["record", "--keep", "leadops"], "something else"),
    ],
)
def test_it_refuses_options_that_cannot_be_meant(options: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("bench", *options)
