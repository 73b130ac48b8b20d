"""The rows of a batch as a file."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from recipients.batches.files import MAX_ROW, file_of, row_of
from recipients.plan import BatchFormat, BatchPlan
from recipients.transports.errors import NotSendable

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def made(payloads: list[Any], format: BatchFormat, /, options: Any = None, **facts: Any) -> bytes:
    plan, options = BatchPlan(format=format, **facts), options or {}
    return file_of([row_of(each, plan, options)[0] for each in payloads], plan, options)


def cells(data: bytes) -> list[list[str]]:
    """What a workbook's first sheet says, as whatever reads it would see it."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        shared = etree.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(item.itertext()) for item in shared]
        sheet = etree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(sheet.iter(f"{SHEET}f"))  # no formulas
    return [
        [texts[int("".join(cell.itertext()))] for cell in row] for row in sheet.iter(f"{SHEET}row")
    ]


def test_it_makes_a_json_list_bare_or_under_a_key() -> None:
    rows = [{"id": 1, "price": Decimal("4.50")}, {"id": 2, "tags": ["a"]}]
    assert json.loads(made(rows, BatchFormat.JSON)) == [
        {"id": 1, "price": 4.5},
        {"id": 2, "tags": ["a"]},
    ]
    assert json.loads(made(rows[1:], BatchFormat.JSON, wrapper="leads")) == {
        "leads": [{"id": 2, "tags": ["a"]}]
    }


def test_it_makes_a_csv_with_all_the_names_there_are() -> None:
    data = made([{"a": "1", "b": "Zoë, =x"}, {"a": "2", "c": {"d": "3"}}], BatchFormat.CSV)
    assert data.decode() == 'a,b,c[d]\r\n1,"Zoë, =x",\r\n2,,3\r\n'


def test_it_guards_a_csv_against_formulas_unless_told_otherwise() -> None:
    rows = [{"name": "=HYPERLINK(1)", "phone": "+15551234567"}]
    assert made(rows, BatchFormat.CSV).decode().splitlines()[1] == "'=HYPERLINK(1),+15551234567"
    raw = made(rows, BatchFormat.CSV, guards=False).decode().splitlines()[1]
    assert raw == "=HYPERLINK(1),+15551234567"


@pytest.mark.parametrize("value", ["=1", "@x", "+cmd|' /C'!A0", "-a", " =1", "=", "\t=1"])
def test_it_makes_formulas_harmless(value: str) -> None:
    assert json.loads(row_of({"a": value}, BatchPlan(format=BatchFormat.CSV), {})[1]) == {
        "a": f"'{value}"
    }


@pytest.mark.parametrize("value", ["Ann", "+1 (555) 123-4567", "-12.50", "+44 20 7946 0958"])
def test_it_leaves_amounts_and_phone_numbers(value: str) -> None:
    found = row_of({"a": value}, BatchPlan(format=BatchFormat.CSV), {})[1]
    assert json.loads(found) == {"a": value}


def test_it_refuses_a_value_that_has_no_column() -> None:
    with pytest.raises(NotSendable, match="no place"):
        made([{"a": "1", "z": "2"}], BatchFormat.CSV, {"csv_columns": "a, b"})


def test_it_refuses_a_row_that_is_too_large() -> None:
    for format in BatchFormat:
        with pytest.raises(NotSendable, match="Too large"):
            made([{"a": "x" * MAX_ROW}], format)


def test_it_makes_a_workbook_of_texts() -> None:
    rows = [{"zip": "01234", "note": "=1+1"}, {"zip": "99999", "url": "http://x.example"}]
    assert cells(made(rows, BatchFormat.XLSX)) == [
        ["zip", "note", "url"],
        ["01234", "=1+1"],
        ["99999", "http://x.example"],
    ]


def test_it_makes_the_same_bytes_of_the_same_rows() -> None:
    for format in BatchFormat:
        assert made([{"a": "1"}], format) == made([{"a": "1"}], format)


VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1), min_size=1))
def test_it_loses_no_value_in_a_csv(rows: list[dict[str, str]]) -> None:
    data = made(rows, BatchFormat.CSV, guards=False).decode()
    found = list(csv.DictReader(io.StringIO(data, newline="")))
    assert [{k: v for k, v in row.items() if v} for row in found] == rows
