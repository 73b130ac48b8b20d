"""What a turn reads for steps that route by figures or bids; nothing at all where no step does."""

from __future__ import annotations

from typing import Any

from flows.plan import Plans
from flows.pricing import figures
from flows.steps import accounts, bids
from flows.steps.accounts import Book
from flows.steps.learning import READ, memory
from leadops.lib import wire


class Reading:
    """Reads in two halves, so that its statements stand in a pipeline with others."""

    def __init__(self, plans: Plans | None) -> None:
        """`plans` are those of this process; if they are not in force, the turn begins anew."""
        self._shares = wire.cursor() if plans and plans.accounts else None
        self._bids = wire.cursor() if plans and plans.has_auctions else None
        self._figures = (
            wire.cursor() if plans and plans.needs.figures and figures.memory.is_due() else None
        )
        self._measured = wire.cursor() if plans and plans.windows and memory.is_due() else None

    def execute(self, lead_ids: Any) -> None:
        """Put the questions; `lead_ids` as an array of the database."""
        if self._shares:
            self._shares.execute(accounts.READ, [lead_ids])
        if self._bids:
            self._bids.execute(bids.READ, [lead_ids])
        if self._measured:
            self._measured.execute(READ)
        if self._figures:
            self._figures.execute(figures.READ)

    def bids(self) -> list[Any]:
        """The rows of the leads' bids."""
        return self._bids.fetchall() if self._bids else []

    def book(self) -> Book:
        """The accounts of the leads' flows; notes by the way how recipients behave."""
        if self._measured:
            memory.take(self._measured.fetchall())
        if self._figures:
            figures.memory.take(self._figures.fetchall())
        return Book.of(self._shares.fetchall()) if self._shares else Book()
