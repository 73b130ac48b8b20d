"""JSON lines: one object a line, in UTF-8, as the API shows it (jsonlines.org)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import orjson

from events.exports.cells import Record
from events.exports.formats.base import Exporter


class JsonLines(Exporter):
    name: ClassVar[str] = "jsonl"
    content_type: ClassVar[str] = "application/x-ndjson"
    columns: ClassVar[bool] = False

    def body(self, records: Iterable[Record], columns: Sequence[str]) -> bytes:
        """Whole objects; with `columns` those alone, under their dotted names."""
        shown: Iterable[object] = records
        if columns:
            shown = (record.chosen(columns) for record in records)
        else:
            shown = (record.whole for record in records)
        return b"".join(
            orjson.dumps(each, default=str, option=orjson.OPT_APPEND_NEWLINE) for each in shown
        )
