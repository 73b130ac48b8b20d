"""What the settings would take today, month by month, for those who look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from events.models import TrimRun
from events.retention import planning, terms
from events.retention.months import months
from events.retention.planning import Due
from events.retention.terms import Kept

GOES, PARTLY, WAITS, STAYS = "goes", "partly", "waits", "stays"


@dataclass(frozen=True, slots=True)
class Cell:
    """A month of one table: its size, and what becomes of it."""

    bytes: int
    fate: str
    why: str = ""


@dataclass(slots=True)
class Preview:
    """Months, the newest first, each with a cell for every table (None: it has no such month)."""

    titles: Sequence[str]
    rows: list[tuple[date, list[Cell | None]]] = field(default_factory=list)
    freed: int = 0
    running: TrimRun | None = None
    last: TrimRun | None = None


def preview() -> Preview:
    """Sizes as the catalogue has them; nothing is counted."""
    plan = planning.plan(terms.load(), exact=False)
    fates = {(due.month.kept, due.month.first): due for due in plan}
    cells: dict[date, list[Cell | None]] = {}
    for place, kept in enumerate(Kept):
        for month in months(kept):
            row = cells.setdefault(month.first, [None] * len(Kept))
            row[place] = _cell(month.bytes, fates.get((kept, month.first)))
    runs = TrimRun.objects.order_by("-created_at")
    return Preview(
        titles=[kept.noun for kept in Kept],
        rows=sorted(cells.items(), reverse=True),
        freed=sum(due.freed for due in plan),
        running=runs.filter(state=TrimRun.State.RUNNING).first(),
        last=runs.exclude(state=TrimRun.State.RUNNING).first(),
    )


def _cell(size: int, due: Due | None) -> Cell:
    if due is None:
        return Cell(size, STAYS)
    if due.waits:
        return Cell(size, WAITS, due.waits)
    return Cell(size, GOES if due.whole else PARTLY)
