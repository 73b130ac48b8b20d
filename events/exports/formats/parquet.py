"""Parquet: typed columns, compressed with Zstandard, in row groups of a bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from events.exports.cells import FLAGS, MOMENTS, NUMBERS, WHOLE_NUMBERS
from events.exports.formats.base import Row, Whole, moment

GROUP = 10_000  # rows; as many are in memory


class Parquet(Whole):
    name: ClassVar[str] = "parquet"
    content_type: ClassVar[str] = "application/vnd.apache.parquet"

    def assemble(self, rows: Iterator[Row], columns: Sequence[str], path: Path) -> None:
        import pyarrow as pa  # 170 MB on disk: loaded by those who need it alone
        from pyarrow import parquet

        schema = pa.schema([(name, _type(pa, name)) for name in columns])
        with parquet.ParquetWriter(str(path), schema, compression="zstd") as writer:
            while group := list(islice(rows, GROUP)):
                arrays = [
                    pa.array([_value(name, value) for value in column], _type(pa, name))
                    for name, column in zip(columns, zip(*group, strict=True), strict=True)
                ]
                writer.write_table(pa.table(arrays, schema=schema))


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
