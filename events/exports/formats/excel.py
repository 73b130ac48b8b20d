"""Excel: sheets with a frozen line of names; texts are texts, never formulas or links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from events.exports.cells import MOMENTS
from events.exports.formats import workbook
from events.exports.formats.base import Row, Whole, moment


class Excel(Whole):
    name: ClassVar[str] = "xlsx"
    content_type: ClassVar[str] = (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )

    def assemble(self, rows: Iterator[Row], columns: Sequence[str], path: Path) -> None:
        moments = [place for place, name in enumerate(columns) if name in MOMENTS]
        workbook.write(path, _timed(rows, moments), columns, moments=moments)


def _timed(rows: Iterator[Row], moments: Sequence[int]) -> Iterator[Row]:
    """Rows with moments where they say them; what is none stays what it is."""
    for row in rows:
        timed = list(row)
        for place in moments:
            if at := moment(timed[place]):
                timed[place] = at
        yield timed
