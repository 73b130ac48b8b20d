"""Rows as `COPY … (FORMAT binary)` sends them: four columns, read with one look each.

The format is PostgreSQL's (documentation of COPY, "Binary Format"). COPY sends rows without a
portal or a query per batch, and binary text needs no unescaping: what arrives is what is hashed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = len(SIGNATURE) + 8  # flags, length of an extension that nobody sends
_ROW = struct.Struct(">hiiiqiqi")  # columns; month, tx and timestamp with lengths; text's length
_DAY = date(2000, 1, 1)
_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def rows(blocks: Iterable[bytes | bytearray | memoryview]) -> Iterator[tuple[int, int, int, bytes]]:
    """Month, transaction, moment and text of each row, however the blocks are cut.

    Days and microseconds are since 2000, as PostgreSQL counts. Raises ValueError when the stream
    is of another kind, or ends within a row.
    """
    data, at, size, unpack = b"", -1, _ROW.size, _ROW.unpack_from
    for block in blocks:
        data = data[max(at, 0) :] + block if data else bytes(block)
        if at < 0:
            if len(data) < _HEADER:
                continue
            if not data.startswith(SIGNATURE):
                raise ValueError("This is no binary copy.")
            at = _HEADER
        else:
            at = 0
        while len(data) - at >= size:
            _, _, month, _, tx, _, moment, length = unpack(data, at)
            end = at + size + length
            if end > len(data):
                break
            yield month, tx, moment, data[at + size : end]
            at = end
    if data[max(at, 0) :] != b"\xff\xff":
        raise ValueError("The copy ends within a row.")


def day(days: int) -> date:
    return _DAY + timedelta(days=days)


def moment(microseconds: int) -> datetime:
    return _MOMENT + timedelta(microseconds=microseconds)
