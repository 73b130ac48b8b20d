"""What today's terms would take: months as a whole, parts of months, and what must stay yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from events.retention import sealed, underway
from events.retention.months import Month, months
from events.retention.terms import Kept, Terms


@dataclass(frozen=True, slots=True)
class Due:
    """A month with something to take. `whole` goes at once; without it, rows that are out are
    deleted in batches. With `waits`, which says why, nothing is done."""

    month: Month
    whole: bool
    waits: str = ""

    @property
    def freed(self) -> int:
        """Bytes that the disk gets back: of a month of which parts go, none that one can promise
        (PostgreSQL uses the room for new rows of the same month)."""
        return self.month.bytes if self.whole and not self.waits else 0


def plan(terms: Terms, *, exact: bool = True) -> list[Due]:
    """In the order in which it is done: exchanges, snapshots, events; the oldest month first.

    Not `exact` it counts nothing, for those who only look: by indexes it sees whether a month is
    sealed to its end, and which leads are due or held.
    """
    return [due for kept in Kept for due in _of(kept, terms, exact)]


def _of(kept: Kept, terms: Terms, exact: bool) -> Iterator[Due]:
    return _events(terms, exact) if kept is Kept.EVENTS else _erasable(kept, terms, exact)


def _erasable(kept: Kept, terms: Terms, exact: bool) -> Iterator[Due]:
    all_out, some_out = terms.all_out(kept), terms.some_out(kept)
    for month in months(kept):
        if all_out is not None and month.end <= all_out:
            yield Due(month, whole=not _open_leads(month, exact))
        elif some_out is not None and month.begin < some_out:
            yield Due(month, whole=False)


def _events(terms: Terms, exact: bool) -> Iterator[Due]:
    """Only as whole months, and none before an older one has gone: the record begins at one
    moment for all leads. So one lead that is under way since then keeps them all."""
    before = terms.all_out(Kept.EVENTS)
    waits = ""
    for month in months(Kept.EVENTS):
        if before is None or month.end > before:
            return
        waits = waits and "an older month waits"
        yield Due(month, whole=True, waits=waits or (waits := _waits(month, exact)))


def _waits(month: Month, exact: bool) -> str:
    if reason := sealed.missing(month) if exact else sealed.missing_by_index(month):
        return reason
    number = _open_leads(month, exact)
    return f"{_leads(number)} still under way or in review" if number else ""


def _leads(number: int) -> str:
    if number >= underway.MOST:
        return f"{number} leads and more are"
    return "1 lead is" if number == 1 else f"{number} leads are"


def _open_leads(month: Month, exact: bool) -> int:
    with connection.cursor() as cursor:
        return underway.leads(cursor, month) if exact else int(underway.any_due(cursor, month))
