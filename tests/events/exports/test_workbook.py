"""Workbooks give back what was put in, read by somebody else's reader (openpyxl)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.exports.formats import workbook
from events.exports.formats.workbook import CUT, LONGEST, letters_of, shortened

AT = datetime(2026, 11, 20, 10, 30, 0, 123000, tzinfo=UTC)
HOSTILE = [
    "=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", " =1 ", "{=1}", 'a"b', "a,b;c", "a\nb",
    "a\r\nb", "<b>&amp;</b>]]>", "😀 ユニコード", "http://evil.example/", "\x01\x1f", "_x0041_",
    "__x000D_x000D_", "\ufffe\uffff", "#REF!", "1e9", "0042",
]  # fmt: skip


def read(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The values of each sheet, by its name; fails where anything is a formula or a link."""
    book = openpyxl.load_workbook(path)
    for sheet in book:
        cells = [cell for row in sheet.iter_rows() for cell in row]
        assert not any(cell.data_type == "f" or cell.hyperlink for cell in cells)
        assert sheet.freeze_panes == "A2"
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def written(path: Path, rows: list[list[Any]], columns: list[str]) -> list[tuple[Any, ...]]:
    workbook.write(path, rows, columns, moments=[1])
    return read(path)["Export"]


def test_texts_are_texts_whatever_they_look_like(tmp_path: Path):
    rows = [[text] for text in HOSTILE]
    names, *found = written(tmp_path / "a.xlsx", rows, ["=name"])
    assert names == ("=name",)
    assert [openpyxl.utils.escape.unescape(text) for (text,) in found] == HOSTILE


def test_numbers_truths_and_moments_have_their_types(tmp_path: Path):
    elsewhere = AT.astimezone(timezone(timedelta(hours=-5)))
    rows = [
        [7, AT, -45.5, True],
        [10**15, elsewhere, 1e-7, False],
        [None, "no time", 10**400, ""],
        [0, AT.replace(year=1600), 12345678901234.5, None],
    ]
    found = written(tmp_path / "a.xlsx", rows, ["a", "b", "c", "d"])[1:]
    at = AT.replace(tzinfo=None)
    assert found[0] == (7, at, -45.5, True)
    assert found[1] == (str(10**15), at, 1e-7, False)
    assert found[2] == (None, "no time", shortened(str(10**400)), None)
    assert found[3] == (0, "1600-11-20T10:30:00.123000+00:00", 12345678901234.5, None)


def test_there_are_as_many_sheets_as_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook, "ROWS", 4)
    path = tmp_path / "a.xlsx"
    for count, sizes in ((0, [1]), (3, [4]), (4, [4, 2]), (7, [4, 4, 2])):
        workbook.write(path, ([f"row {n}"] for n in range(count)), ["name"], moments=[])
        found = read(path)
        assert [len(rows) for rows in found.values()] == sizes
        assert all(rows[0] == ("name",) for rows in found.values())
        assert [row for rows in found.values() for row in rows[1:]] == [
            (f"row {n}",) for n in range(count)
        ]
    assert list(found) == ["Export", "Export 2", "Export 3"]
    assert openpyxl.load_workbook(path)["Export 3"].auto_filter.ref == "A1:A2"


def test_what_breaks_on_the_way_is_raised(tmp_path: Path):
    def rows() -> Iterator[list[Any]]:
        yield [1]
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        workbook.write(tmp_path / "a.xlsx", rows(), ["a"], moments=[])


def test_a_text_is_as_long_as_a_cell_takes():
    assert shortened("x" * LONGEST) == "x" * LONGEST
    cut = shortened("x" * (LONGEST + 1))
    assert (len(cut), cut.endswith(CUT)) == (LONGEST, True)
    wide = shortened("😀" * LONGEST)  # two units each
    assert LONGEST - 1 <= len(wide.encode("utf-16-le")) // 2 <= LONGEST


def test_columns_have_letters():
    assert [letters_of(n) for n in (0, 25, 26, 701, 702, 16_383)] == [
        "A", "Z", "AA", "ZZ", "AAA", "XFD",
    ]  # fmt: skip


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
)  # fmt: skip


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(VALUES, VALUES), max_size=4))
def test_whatever_stands_in_a_row_can_be_read(tmp_path: Path, rows: list[tuple[Any, Any]]):
    found = written(tmp_path / "a.xlsx", [list(row) for row in rows], ["a", "b"])
    assert len(found) == len(rows) + 1 or not any(v not in (None, "") for v in rows[-1])
