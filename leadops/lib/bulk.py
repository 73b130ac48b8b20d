"""Many rows in one statement and one parameter: a JSON array that PostgreSQL takes apart.

Against row-by-row inserts this saves the round trips; against COPY it can stand in a pipeline
together with everything else that one transaction writes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import orjson

Row = Mapping[str, Any]


def dumps(value: Any) -> str:
    """JSON text for the database: decimals as numbers, bytes as hex, no NUL, no surrogates."""
    try:
        text = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Whole numbers beyond 64 bits, which the database takes; lone surrogates it does not.
        text = json.dumps(value, default=_plain, ensure_ascii=False)
        text = text.encode(errors="replace").decode()
    return text.replace("\\u0000", "\\ufffd") if "\\u0000" in text else text


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)  # amounts have 12 digits at most: exact on the way back
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


@dataclass(frozen=True, eq=False)
class Table:
    """Statements for one table; `columns` names the written columns with their SQL types."""

    name: str
    columns: Mapping[str, str]
    key: str = "id"
    _insert: str = field(init=False)

    def __post_init__(self) -> None:
        names = ", ".join(f'"{column}"' for column in self.columns)
        picked = ", ".join(self._value(column) for column in self.columns)
        object.__setattr__(
            self,
            "_insert",
            f"INSERT INTO {self.name} ({names}) SELECT {picked} "  # noqa: S608  our own names
            f"FROM json_to_recordset(%s::json) AS r({self._record(self.columns)})",
        )

    def _value(self, column: str) -> str:
        if self.columns[column] == "bytea":
            return f"decode(r.\"{column}\", 'hex')"
        return f'r."{column}"'

    def _record(self, columns: Sequence[str] | Mapping[str, str]) -> str:
        kinds = {"bytea": "text"}
        return ", ".join(
            f'"{column}" {kinds.get(self.columns[column], self.columns[column])}'
            for column in columns
        )

    def insert(self, cursor: Any, rows: Sequence[Row], *, suffix: str = "") -> None:
        """Insert all `rows`; every row holds every column. `suffix` may end the statement."""
        if rows:
            cursor.execute(f"{self._insert} {suffix}", [dumps(rows)])

    def update(self, cursor: Any, rows: Iterable[Row]) -> None:
        """Set in each row, found by its key, the other columns that it names.

        Rows that name the same go together, in one statement.
        """
        alike: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in rows:
            alike[tuple(row)].append(row)
        for columns, chosen in alike.items():
            cursor.execute(self._update(columns), [dumps(chosen)])

    @cache  # noqa: B019  tables are constants
    def _update(self, columns: tuple[str, ...]) -> str:
        sets = ", ".join(
            f'"{column}" = {self._value(column)}' for column in columns if column != self.key
        )
        return (
            f"UPDATE {self.name} AS t SET {sets} "  # noqa: S608  our own names
            f"FROM json_to_recordset(%s::json) AS r({self._record(columns)}) "
            f'WHERE t."{self.key}" = r."{self.key}"'
        )
