"""The formats of exports, by name. Adding one: docs/adding-an-exporter.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from events.exports.formats.base import Exporter, Whole
from events.exports.formats.comma import Csv
from events.exports.formats.excel import Excel
from events.exports.formats.lines import JsonLines
from events.exports.formats.parquet import Parquet

FORMATS: Mapping[str, Exporter] = MappingProxyType(
    {each.name: each for each in (Csv(), JsonLines(), Excel(), Parquet())}
)

__all__ = ["FORMATS", "Exporter", "Whole"]
