"""What came of an import, as files: the rows that are no leads, as they came, with the reason; and
the ids of those that are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from events import visibility
from events.vocabulary import EventType
from flows.byhand import by_hand
from flows.importing import cells, pieces
from flows.importing.columns import LINE, REASON
from flows.importing.reading import Row
from flows.models import LeadImport, LeadImportPiece, LeadImportRow
from leadops.lib import csvsafe, secrets

ACCEPTED = LeadImportRow.Outcome.ACCEPTED


def errors(job: LeadImport) -> Iterator[str]:
    """The lines of the file of rejected rows: with the columns of the file that came, so that it
    can be mended and sent again. Values that a spreadsheet would run are made text, card numbers
    masked."""
    kept = [place for place, name in enumerate(job.columns) if name not in (REASON, LINE)]
    head = [job.columns[place] for place in kept]
    yield csvsafe.BOM + csvsafe.line([*head, REASON, LINE], delimiter=job.delimiter)
    names, types = cells.names_of(job), cells.types_of(job.flow_id)
    query = LeadImportPiece.objects.filter(lead_import=job).order_by("number")
    for piece in query.iterator(chunk_size=1):
        reasons = _reasons(job, piece)
        if not reasons:
            continue
        for number, row in enumerate(pieces.unpacked(piece.data), piece.first):
            if (told := reasons.get(number)) is None:
                continue
            shown = _shown(cells.without_cards(row, names, types), kept)
            yield csvsafe.line([*shown, told, str(row.line)], delimiter=job.delimiter)


def _reasons(job: LeadImport, piece: LeadImportPiece) -> dict[int, str]:
    rows = LeadImportRow.objects.filter(
        lead_import=job, row__range=(piece.first, piece.first + piece.rows - 1)
    ).exclude(outcome=ACCEPTED)
    return {row.row: secrets.decrypt(row.told) if row.told else row.reason for row in rows}


def _shown(row: Row, kept: list[int]) -> list[str]:
    """As many values as there are columns; of a row that could not be read what there is."""
    return [row.cells[place] if place < len(row.cells) else "" for place in kept]


def accepted(job: LeadImport) -> Iterator[str]:
    """The lines of the file of leads: the row's number and the lead's id."""
    yield csvsafe.BOM + csvsafe.line(["row", "lead_id"])
    query = LeadImportRow.objects.filter(lead_import=job, outcome=ACCEPTED).order_by("row")
    for number, lead_id in query.values_list("row", "lead_id").iterator(chunk_size=2000):
        yield csvsafe.line([str(number), lead_id])


def record(job: LeadImport, what: str, *, by: str) -> None:
    """Note who took people's data out."""
    with by_hand.noted() as (_, journal):
        journal.operation(
            EventType.IMPORT_DOWNLOADED,
            entity_id=job.id,
            flow_id=job.flow_id,
            reason=f"The {what} of an import, taken by {by}",
            by=by,
            what=what,
        )


def shown_to(user: Any, job: LeadImport) -> bool:
    """Whether somebody sees the rows of a file: they hold what nobody has masked. Who sent it has
    it anyway."""
    return visibility.sees_personal(user) or job.by == user.get_username()
