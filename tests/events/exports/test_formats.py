"""Each format gives back what was put in, whatever it was."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.exports.cells import Record, cells
from events.exports.formats import FORMATS, Whole
from leadops.lib import csvsafe

HOSTILE = [
    "=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", " =1", "＝1", 'a"b', "a,b;c", "a\r\nb",
    "😀 ユニコード", "'quoted", "http://evil.example/", "x" * 40_000, "\x01\x1f", "{=1}", "_x0041_",
]  # fmt: skip
COLUMNS = ["id", "timestamp", "seq", "delivery.price", "late", "reason", "lead.email", "other"]


def record(reason: str, **own: Any) -> Record:
    return Record(
        envelope={
            "id": "evt_1", "timestamp": "2026-11-20T10:30:00.123Z", "seq": 7, "reason": reason
        },
        own={"delivery": {"price": -45.5, "odd": [1, {"a": None}]}, "late": True, **own},
        lead={"email": "ann@example.com"},
    )  # fmt: skip


def written(format: str, records: list[Record], tmp_path: Path) -> bytes:
    exporter = FORMATS[format]
    if not isinstance(exporter, Whole):
        return exporter.head(COLUMNS) + exporter.body(records, COLUMNS)
    rows = (orjson.loads(line) for line in exporter.body(records, COLUMNS).splitlines())
    path = tmp_path / f"file.{format}"
    exporter.assemble(rows, COLUMNS, path)
    return path.read_bytes()


def test_csv_gives_texts_back_and_lets_none_be_a_formula(tmp_path: Path):
    data = written("csv", [record(text) for text in HOSTILE], tmp_path).decode()
    rows = list(csv.DictReader(io.StringIO(data, newline="")))
    assert [csvsafe.bare(row["reason"]) for row in rows] == HOSTILE
    assert not any(row["reason"].startswith(csvsafe.DANGEROUS) for row in rows)
    assert rows[0]["delivery.price"] == "-45.5"
    assert rows[0]["late"] == "true"
    assert orjson.loads(rows[0]["other"]) == {"delivery.odd": [1, {"a": None}]}


def test_json_lines_have_the_whole_of_it(tmp_path: Path):
    exporter = FORMATS["jsonl"]
    lines = exporter.body([record(text) for text in HOSTILE], []).split(b"\n")[:-1]
    assert [orjson.loads(line)["reason"] for line in lines] == HOSTILE
    assert orjson.loads(lines[0])["delivery"]["odd"] == [1, {"a": None}]
    assert orjson.loads(lines[0])["lead"] == {"email": "ann@example.com"}


def test_excel_has_texts_numbers_and_times(tmp_path: Path):
    data = written("xlsx", [record(text) for text in HOSTILE], tmp_path)
    names, first, *_ = openpyxl.load_workbook(io.BytesIO(data))["Export"].values
    found = dict(zip(names, first, strict=True))
    assert list(names) == COLUMNS
    assert found["timestamp"] == datetime(2026, 11, 20, 10, 30, 0, 123000)
    assert (found["seq"], found["delivery.price"], found["late"]) == (7, -45.5, True)
    assert found["reason"] == "=1+1"


def test_parquet_has_types(tmp_path: Path):
    from pyarrow import parquet

    data = written("parquet", [record(text) for text in HOSTILE], tmp_path)
    table = parquet.read_table(io.BytesIO(data))
    assert table.column("reason").to_pylist() == HOSTILE
    assert str(table.schema.field("timestamp").type) == "timestamp[ms, tz=UTC]"
    first = table.to_pylist()[0]
    assert (first["seq"], first["delivery.price"], first["late"]) == (7, -45.5, True)


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_no_rows_are_a_file_too(format: str, tmp_path: Path):
    written(format, [], tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["delivery", "late", "reason", "x", "y"]), VALUES))
def test_whatever_an_event_says_makes_a_row(own: dict[str, Any]):
    row = cells(Record({"id": "evt_1", "reason": None}, own, None), COLUMNS)
    assert len(row) == len(COLUMNS)
    assert all(value is None or isinstance(value, str | int | float) for value in row)
