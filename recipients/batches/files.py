"""The rows of a batch as one file: a JSON list, a CSV, or an Excel workbook."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from leadops.lib.csvsafe import guarded
from recipients.plan import BatchFormat, BatchPlan
from recipients.transports.bodies import csv_body, json_body, pairs_of
from recipients.transports.errors import NotSendable

Options = Mapping[str, Any]

MAX_ROW: Final = 256 * 1024
"""Bytes of one lead."""
MAX_FILE: Final = 32 * 1024 * 1024
"""Bytes of all rows together."""
MAX_CELL: Final = 32_767
"""Characters that Excel's cells hold."""
CONTENT_TYPES: Final[Mapping[BatchFormat, str]] = {
    BatchFormat.JSON: "application/json",
    BatchFormat.CSV: "text/csv; charset=utf-8",
    BatchFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9 ().,/-]*\Z", re.ASCII)
# The same rows make the same bytes, whenever the workbook is made.
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC)


def row_of(payload: Any, plan: BatchPlan, options: Options) -> tuple[Any, bytes]:
    """A lead's row as it goes into the file, and as text. Raises NotSendable where it does not
    fit the format."""
    if plan.format is BatchFormat.JSON:
        written = json_body(payload)
        row: Any = orjson.Fragment(written)
    else:
        flat = dict(pairs_of(payload, {**options, "form_lists": _lists(options)}))
        row = {name: _harmless(value) for name, value in flat.items()} if _guards(plan) else flat
        if unknown := row.keys() - set(columns_of(options) or row):
            raise NotSendable("Payload has no place in the file", f"no column {min(unknown)!r}")
        written = orjson.dumps(row)
    if len(written) > MAX_ROW:
        raise NotSendable("Too large for a batch", f"more than {MAX_ROW // 1024} KiB")
    return row, written


def _harmless(value: str) -> str:
    """No formula; amounts and phone numbers have no letter, so call nothing, and stay whole."""
    return value if _NUMBER.match(value) else guarded(value)


def _guards(plan: BatchPlan) -> bool:
    """Excel takes nothing that we write as text for a formula."""
    return plan.guards and plan.format is BatchFormat.CSV


def _lists(options: Options) -> str:
    return "commas" if options.get("form_lists") == "commas" else "indexes"


def columns_of(options: Options) -> tuple[str, ...]:
    """Those that were chosen; none: whatever names there are."""
    chosen = options.get("csv_columns") or ""
    return tuple(name.strip() for name in chosen.split(",") if name.strip())


def file_of(rows: Sequence[Any], plan: BatchPlan, options: Options) -> bytes:
    """All rows as one file."""
    return _WRITERS[plan.format](rows, plan, options)


def _json(rows: Sequence[Any], plan: BatchPlan, _: Options) -> bytes:
    whole = {plan.wrapper: list(rows)} if plan.wrapper else list(rows)
    return orjson.dumps(whole)


def _csv(rows: Sequence[Any], _: BatchPlan, options: Options) -> bytes:
    return csv_body(list(rows), options)


def _xlsx(rows: Sequence[Any], _: BatchPlan, options: Options) -> bytes:
    """One sheet, its first line the names; every value is text, so that none loses a zero or
    becomes a formula."""
    import xlsxwriter  # only of the processes that write workbooks

    columns = columns_of(options) or tuple(dict.fromkeys(name for row in rows for name in row))
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"created": _MADE.replace(tzinfo=None)})
    sheet = book.add_worksheet("Leads")
    for line, values in enumerate([dict(zip(columns, columns, strict=True)), *rows]):
        for place, name in enumerate(columns):
            if value := values.get(name, ""):
                sheet.write_string(line, place, value[:MAX_CELL])
    book.close()
    return out.getvalue()


_WRITERS: Final[Mapping[BatchFormat, Callable[[Sequence[Any], BatchPlan, Options], bytes]]] = {
    BatchFormat.JSON: _json,
    BatchFormat.CSV: _csv,
    BatchFormat.XLSX: _xlsx,
}
