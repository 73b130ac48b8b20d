"""Excel: one sheet with a frozen line of names; texts are texts, never formulas or links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import xlsxwriter

from events.exports.cells import MOMENTS
from events.exports.formats.base import Row, Whole, moment

LONGEST = 32_767  # characters of a cell, by Excel's limits
CUT = " […]"
WIDTH = 18
# Larger whole numbers lose digits in Excel, which keeps 15 of them: they go as text.
EXACT = 10**15


class Excel(Whole):
    name: ClassVar[str] = "xlsx"
    content_type: ClassVar[str] = (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    most_rows: ClassVar[int | None] = 1_048_575  # and the line of names

    def assemble(self, rows: Iterator[Row], columns: Sequence[str], path: Path) -> None:
        options = {"constant_memory": True, "tmpdir": str(path.parent), "remove_timezone": True}
        book = xlsxwriter.Workbook(str(path), options)
        sheet = book.add_worksheet("Export")
        bold = book.add_format({"bold": True})
        when = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(columns) - 1, 0), WIDTH)
        moments = frozenset(place for place, name in enumerate(columns) if name in MOMENTS)
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name, bold)
        for number, row in enumerate(rows, 1):
            for place, value in enumerate(row):
                if value is None or value == "":
                    continue
                if place in moments and (at := moment(value)):
                    sheet.write_datetime(number, place, at, when)
                else:
                    _write(sheet, number, place, value)
        if columns:
            sheet.autofilter(0, 0, 0, len(columns) - 1)
        book.close()


def _write(sheet: Any, number: int, place: int, value: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(number, place, value)
    elif isinstance(value, int | float) and abs(value) < EXACT:
        sheet.write_number(number, place, value)
    else:
        text = str(value)
        if len(text) > LONGEST:
            text = text[: LONGEST - len(CUT)] + CUT
        sheet.write_string(number, place, text)
