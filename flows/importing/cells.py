"""Values of a row: under which names they are posted, and how they may be shown and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.arrival import cards
from flows.arrival.preparing import MASK
from flows.importing import pieces
from flows.importing.reading import Row
from flows.models import FlowField, LeadImport, LeadImportPiece
from leadops.lib import csvsafe


def values(cells: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """The lead that a row is: what is blank, or goes nowhere, is left out."""
    return {
        target: bare
        for cell, target in zip(cells, targets, strict=False)
        if target and (bare := csvsafe.bare(cell.strip()))
    }


def types_of(flow_id: str) -> dict[str, str]:
    """The flow's fields with their types."""
    return dict(FlowField.objects.filter(flow_id=flow_id).values_list("name", "type"))


def without_cards(row: Row, names: Sequence[str], types: Mapping[str, str]) -> Row:
    """The row with card numbers masked; the very row where it has none. `names` are the targets
    of its columns, or else the columns' own names."""
    read_as = names if not row.problem else [""] * len(row.cells)
    clear = [
        next(iter(cards.without({name: cell}, types, mask=MASK)[0].values()))
        for cell, name in zip(row.cells, read_as, strict=False)
    ]
    return row if clear == list(row.cells) else Row(row.line, tuple(clear), row.problem)


def names_of(job: LeadImport) -> list[str]:
    """What each column's values are taken for."""
    return [t or c for t, c in zip(job.targets, job.columns, strict=True)]


def mask_piece(job: LeadImport, number: int) -> None:
    """Write a piece anew where it has card numbers."""
    piece = LeadImportPiece.objects.get(lead_import=job, number=number)
    rows = pieces.unpacked(piece.data)
    names, types = names_of(job), types_of(job.flow_id)
    clear = [without_cards(row, names, types) for row in rows]
    if any(one is not was for one, was in zip(clear, rows, strict=True)):
        piece.data = pieces.packed(clear)
        piece.save(update_fields=["data"])
