"""Parquet: typed columns, compressed with Zstandard, in row groups of a bounded size."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from events.exports.cells import FLAGS, MOMENTS, NUMBERS, WHOLE_NUMBERS
from events.exports.formats.base import Row, Whole, moment

GROUP = 10_000  # rows; as many are in memory, as Arrow has them
BATCH = 500  # rows in memory as Python has them, which takes ten times the room


class Parquet(Whole):
    name: ClassVar[str] = "parquet"
    content_type: ClassVar[str] = "application/vnd.apache.parquet"

    def assemble(self, rows: Iterator[Row], columns: Sequence[str], path: Path) -> None:
        # Read as it is loaded. Its own allocator keeps what was given back: 25 MB, and not quicker.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        import pyarrow as pa  # 170 MB on disk: loaded by those who need it alone
        from pyarrow import parquet

        schema = pa.schema([(name, _type(pa, name)) for name in columns])
        batches = _batches(pa, schema, rows)
        with parquet.ParquetWriter(str(path), schema, compression="zstd") as writer:
            while group := list(islice(batches, GROUP // BATCH)):
                writer.write_table(pa.Table.from_batches(group, schema), row_group_size=GROUP)


def _batches(pa: Any, schema: Any, rows: Iterator[Row]) -> Iterator[Any]:
    """The rows as record batches."""
    while some := list(islice(rows, BATCH)):
        arrays = [
            pa.array([_value(field.name, value) for value in column], field.type)
            for field, column in zip(schema, zip(*some, strict=True), strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)


def _type(pa: Any, name: str) -> Any:
    """A column's type is known by its name; what it holds comes too late."""
    if name in MOMENTS:
        return pa.timestamp("ms", tz="UTC")
    if name in WHOLE_NUMBERS:
        return pa.int64()
    if name in NUMBERS:
        return pa.float64()
    return pa.bool_() if name in FLAGS else pa.string()


def _value(name: str, value: Any) -> Any:
    """The value as its column takes it; null where it is none of that type."""
    if value is None:
        return None
    if name in MOMENTS:
        return moment(value)
    if name in WHOLE_NUMBERS:
        return value if isinstance(value, int) else None
    if name in NUMBERS:
        return float(value) if isinstance(value, int | float) else None
    if name in FLAGS:
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
