"""What flows hold about people, table by table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from events.privacy import holdings
from events.privacy.holdings import Holding, Rows, Subject
from flows.arrival import guards
from flows.importing import pieces
from flows.importing.reading import Row
from flows.privacy import ending, suppressing
from leadops.lib import secrets

# The indexes of these tables are by time: a lead's rows are as old as the lead.
AS_OLD = "at >= %(since)s::timestamptz - interval '1 day'"
OF_LEAD = "lead_id = ANY(%(leads)s)"
GONE = "Erased"  # what stands in place of a row of a file


def register() -> None:
    holdings.stops_with("flows", ending.stop)
    holdings.suppresses_with("flows", suppressing.change)
    holdings.register(*HOLDINGS)
    holdings.impersonal(IMPERSONAL)


KEPT = guards.KEYS_KEPT.days + 1
_DUE = """((kind = 'advance' AND lead_id = ANY(%(leads)s)) OR delivery_id IN (
    SELECT id FROM events_delivery WHERE lead_id = ANY(%(leads)s) AND state <> 'sending'))"""


class ServiceAnswers:
    """What services said, kept for whoever asks the same; encrypted."""

    table = "flows_serviceanswer"
    title = "Answers of services, kept for a while"
    _ROWS = Rows(table, title, columns=("lead_id", "body", "expires_at"))

    def count(self, cursor: Any, subject: Subject) -> int:
        return self._ROWS.count(cursor, subject)

    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]:
        rows = self._ROWS.copy(cursor, subject)
        return [{**row, "body": holdings.plain(secrets.decrypt(row["body"]))} for row in rows]

    def erase(self, cursor: Any, subject: Subject) -> int:
        return self._ROWS.erase(cursor, subject)


class ImportRows:
    """Rows of files that are kept until a week after their import: those that leads came from,
    and those that name the person and are no leads yet, or never were."""

    table = "flows_leadimportrow"
    title = "Rows of imported files"

    def count(self, cursor: Any, subject: Subject) -> int:
        return sum(1 for _ in self._found(cursor, subject))

    def copy(self, cursor: Any, subject: Subject) -> list[dict[str, Any]]:
        return [
            {"import": import_id, "line": row.line, "cells": list(row.cells)}
            for import_id, _, row in self._found(cursor, subject)
        ]

    def erase(self, cursor: Any, subject: Subject) -> int:
        found = [(import_id, number) for import_id, number, _ in self._found(cursor, subject)]
        for import_id, number in found:
            _blank(cursor, import_id, number)
        return len(found)

    def _found(self, cursor: Any, subject: Subject) -> Iterator[tuple[str, int, Row]]:
        if subject.lead_ids:
            yield from _of_leads(cursor, subject)
        elif subject.emails or subject.phones:
            yield from _naming(cursor, subject)


# The event of a lead's arrival says which row of which file it came from.
ORIGIN = """
    SELECT e.data -> 'import' ->> 'id', (e.data -> 'import' ->> 'row')::int FROM events_event e
    WHERE e.lead_id = ANY(%s) AND e.seq = 1 AND e.timestamp >= %s AND e.data ? 'import'
"""
PIECE = """
    SELECT number, first, data FROM flows_leadimportpiece
    WHERE lead_import_id = %s AND first <= %s AND first + rows > %s
"""
SET_PIECE = "UPDATE flows_leadimportpiece SET data = %s WHERE lead_import_id = %s AND number = %s"
SET_ROW = "UPDATE flows_leadimportrow SET told = '' WHERE lead_import_id = %s AND row = %s"


def _of_leads(cursor: Any, subject: Subject) -> Iterator[tuple[str, int, Row]]:
    cursor.execute(ORIGIN, [list(subject.lead_ids), subject.since])
    for import_id, number in cursor.fetchall():
        cursor.execute(PIECE, [import_id, number, number])
        for _, first, data in cursor.fetchall():
            row = pieces.unpacked(data)[number - first]
            if row.problem != GONE:
                yield import_id, number, row


def _naming(cursor: Any, subject: Subject) -> Iterator[tuple[str, int, Row]]:
    """Rows with one of the addresses or numbers: all files that are kept are read through."""
    cursor.execute("SELECT id FROM flows_leadimportpiece ORDER BY id")
    for (id,) in cursor.fetchall():
        cursor.execute(
            "SELECT lead_import_id, first, data FROM flows_leadimportpiece WHERE id = %s", [id]
        )
        for import_id, first, data in cursor.fetchall():
            for place, row in enumerate(pieces.unpacked(data)):
                if _names(row, subject):
                    yield import_id, first + place, row


def _names(row: Row, subject: Subject) -> bool:
    for cell in row.cells:
        text = cell.lower()
        if any(email in text for email in subject.emails):
            return True
        digits = "".join(filter(str.isdigit, text))
        if len(digits) >= 4 and any(number in digits for number in subject.phones):
            return True
    return False


def _blank(cursor: Any, import_id: str, number: int) -> None:
    """Empty a row; one that was not taken in yet is not taken in any more."""
    cursor.execute(PIECE + " FOR UPDATE", [import_id, number, number])
    for piece, first, data in cursor.fetchall():
        rows = pieces.unpacked(data)
        rows[number - first] = Row(rows[number - first].line, (), GONE)
        cursor.execute(SET_PIECE, [pieces.packed(rows), import_id, piece])
    cursor.execute(SET_ROW, [import_id, number])


HOLDINGS: tuple[Holding, ...] = (
    ImportRows(),
    Rows(
        "flows_intakekey",
        "Answers kept under the source's idempotency key",
        columns=("lead_id", "key", "answer", "at"),
        where=f"{OF_LEAD} AND {AS_OLD} AND at >= now() - interval '{KEPT} days'",
    ),
    Rows("flows_duplicateclaim", "Digests by which duplicates are found"),
    Rows("flows_recipientclaim", "Digests by which a recipient's duplicates are found"),
    Rows(
        "flows_bid",
        "Bids for the lead",
        columns=("lead_id", "amount", "bid_id", "reason", "at"),
    ),
    Rows(
        "flows_sourceping",
        "The offer that the lead was sent for",
        columns=("lead_id", "at", "price", "bids"),
        where=f"{OF_LEAD} AND {AS_OLD}",
    ),
    ServiceAnswers(),
    Rows(
        "flows_batchanswer",
        "Answers of a batch until they are taken in",
        columns=("lead_id", "made", "at"),
        erasure="UPDATE {table} SET made = NULL, result = jsonb_build_object("
        "'outcome', result->'outcome', 'category', result->'category', "
        "'price', result->'price')",
        held="made IS NOT NULL",
    ),
    Rows("flows_work", "Work that is due", where=_DUE),
)

_COUNTS = "counts and ids"
_CONFIGURED = "configuration, written by staff"
IMPERSONAL = {
    "flows_batch": "counts; the rows that went are in the leads' own exchanges",
    "flows_bulkretry": "ids of deliveries, and by which filters they were chosen",
    "flows_capcount": _COUNTS,
    "flows_enhancement": _CONFIGURED,
    "flows_flow": _CONFIGURED,
    "flows_flow_suppress": _CONFIGURED,
    "flows_flowfield": _CONFIGURED,
    "flows_flowsource": _CONFIGURED,
    "flows_flowversion": _CONFIGURED,
    "flows_flowmove": "ids of leads, and by which versions they went on",
    "flows_leadimport": "a file's name, the names of its columns, counts, reasons without values",
    "flows_leadimportpiece": "erased with the rows of imported files, row by row; encrypted",
    "flows_measured": _COUNTS,
    "flows_pricefigure": _COUNTS,
    "flows_pump": "processes",
    "flows_revision": _COUNTS,
    "flows_share": _COUNTS,
    "flows_source": _CONFIGURED,
    "flows_sourcekey": _CONFIGURED,
    "flows_step": _CONFIGURED,
    "flows_steprecipient": _CONFIGURED,
    "flows_submissionlink": _CONFIGURED,
}
