"""Rows of a file as they are kept: packed small and encrypted."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Sequence

import orjson

from flows.importing.reading import Row
from flows.models import LeadImport, LeadImportPiece
from leadops.lib import secrets

ROWS = 100
CHARACTERS = 256 * 1024  # of a piece, unless one row alone has more


def packed(rows: Sequence[Row]) -> str:
    written = [[row.line, row.cells, row.problem] for row in rows]
    small = zlib.compress(orjson.dumps(written), 1)
    return secrets.encrypt(base64.b85encode(small).decode())


def unpacked(text: str) -> list[Row]:
    small = base64.b85decode(secrets.decrypt(text))
    return [
        Row(line, tuple(cells), problem)
        for line, cells, problem in orjson.loads(zlib.decompress(small))
    ]


def cut(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows in pieces."""
    piece: list[Row] = []
    size = 0
    for row in rows:
        piece.append(row)
        size += sum(map(len, row.cells))
        if len(piece) >= ROWS or size >= CHARACTERS:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def read(lead_import: LeadImport, *, most: int | None = None) -> Iterator[tuple[int, Row]]:
    """The rows of an import with their numbers, from the first."""
    query = LeadImportPiece.objects.filter(lead_import=lead_import).order_by("number")
    seen = 0
    for piece in query.iterator(chunk_size=1):
        for place, row in enumerate(unpacked(piece.data)):
            yield piece.first + place, row
            seen += 1
            if most is not None and seen >= most:
                return
