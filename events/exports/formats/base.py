"""What a format does: rows in, bytes out. Pure.

A format that can be written piece after piece is an `Exporter`: what it has written stays, whoever
goes on. One whose file is made as a whole (an archive, a file with its directory at the end) is a
`Whole`: the rows are gathered first, then its file is made from them in one go.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import orjson

from events.exports.cells import Record, cells

Row = Sequence[Any]


class Exporter(ABC):
    """A format that grows at its end."""

    name: ClassVar[str]  # also the file's ending
    content_type: ClassVar[str]
    columns: ClassVar[bool] = True  # its rows have columns, which are fixed before the first

    def head(self, columns: Sequence[str]) -> bytes:
        """What comes before the first row."""
        return b""

    @abstractmethod
    def body(self, records: Iterable[Record], columns: Sequence[str]) -> bytes:
        """The rows of some records."""


class Whole(Exporter):
    """A format whose file is made from all rows at once, in constant memory."""

    def body(self, records: Iterable[Record], columns: Sequence[str]) -> bytes:
        """Rows as they wait until the file is made: a JSON array a line."""
        return b"".join(
            orjson.dumps(cells(record, columns), default=str, option=orjson.OPT_APPEND_NEWLINE)
            for record in records
        )

    @abstractmethod
    def assemble(self, rows: Iterator[Row], columns: Sequence[str], path: Path) -> None:
        """Write the file."""


def moment(value: Any) -> datetime | None:
    """A moment as the API writes it; None where it is none."""
    try:
        return datetime.fromisoformat(value) if value else None
    except (TypeError, ValueError):
        return None
