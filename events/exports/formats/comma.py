"""CSV: UTF-8, CRLF, every text quoted (RFC 4180); safe for spreadsheets.

Without a byte order mark: programs would read it as part of the first column's name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from events.exports.cells import Record, cells
from events.exports.formats.base import Exporter
from leadops.lib import csvsafe

# What `csvsafe.guarded` has to look at: all other texts are what they seem.
SUSPECT = frozenset(first[0] for first in (*csvsafe.DANGEROUS, " "))


class Csv(Exporter):
    name: ClassVar[str] = "csv"
    content_type: ClassVar[str] = "text/csv; charset=utf-8"

    def head(self, columns: Sequence[str]) -> bytes:
        return csvsafe.line(columns).encode()

    def body(self, records: Iterable[Record], columns: Sequence[str]) -> bytes:
        out = io.StringIO(newline="")
        # Numbers stay bare, texts are quoted: one with another country's delimiter stays one.
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        writer.writerows([_safe(value) for value in cells(record, columns)] for record in records)
        return out.getvalue().encode()


def _safe(value: Any) -> Any:
    if type(value) is str:
        return csvsafe.guarded(value) if value and value[0] in SUSPECT else value
    if value is None:
        return ""
    if value is True:
        return "true"
    return "false" if value is False else value
