"""CSV as people have it, and as people break it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.importing import reading
from flows.importing.reading import Encoding, Refused, Row

MOST = 1024 * 1024


def rows(data: bytes, mark: str = ",") -> list[Row]:
    file = io.BytesIO(data)
    how = reading.encoding(file, most=64 * MOST)
    file.seek(0)
    return list(reading.rows(file, how, mark))


def cells(data: bytes, mark: str = ",") -> list[tuple[str, ...]]:
    return [row.cells for row in rows(data, mark)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b",", b";", b"\t", b"|"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_it_reads_any_delimiter_end_and_mark(end: bytes, mark: bytes, bom: bytes):
    data = bom + end.join([mark.join([b"name", b"mail"]), mark.join([b"Ann", b"a@example.com"])])
    file = io.BytesIO(data)
    how = reading.encoding(file, most=MOST)
    file.seek(0)
    found = reading.delimiter(reading.head_of(file, how))
    assert found.encode() == mark
    assert cells(data, found) == [("name", "mail"), ("Ann", "a@example.com")]


def test_it_numbers_lines_over_blank_ones_and_quoted_breaks():
    found = rows(b'a,b\n\n"one\ntwo",x\n , \nlast,y\n')
    assert [(row.line, row.cells) for row in found] == [
        (1, ("a", "b")),
        (3, ("one\ntwo", "x")),
        (6, ("last", "y")),
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'a,b\n"Ann,x\nBob,y\nCy,z\n', "A quote is opened and not closed"),
        (b'a,b\n"Ann"x,y\nBob,y\nCy,z\n', "Something stands behind a closing quote"),
        (b'a,b\n"Ann,x\nBob,y\n"Cy"",z\nBob,y\nCy,z\n', "A quote is opened"),
    ],
)
def test_a_lone_quote_spoils_its_own_line_alone(data: bytes, problem: str):
    found = rows(data)
    bad = [row for row in found if row.problem]
    assert bad[0].line == 2
    assert bad[0].problem.startswith(problem)
    assert ("Bob", "y") in [row.cells for row in found]
    assert found[-1].cells == ("Cy", "z")


def test_a_quote_within_a_value_is_a_character():
    assert cells(b'a,b\n5" pipe,y\n')[1] == ('5" pipe', "y")


def test_an_open_quote_does_not_swallow_the_file():
    data = b'a,b\n"open,x\n' + b"Ann,y\n" * 5000
    found = rows(data)
    assert len(found) == 5002
    assert [row.line for row in found if row.problem] == [2]


def test_a_line_of_ten_megabytes_is_one_bad_row():
    found = rows(b"a,b\n" + b"x" * 10_000_000 + b"\nAnn,y\n")
    assert [row.line for row in found] == [1, 2, 3]
    assert "longer than 256 KB" in found[1].problem
    assert len(found[1].cells[0]) <= reading.SHOWN
    assert found[2].cells == ("Ann", "y")


def test_nul_is_a_bad_row_in_text_and_no_text_at_the_head():
    body = b"a,b\n" + b"Ann,y\n" * 2000
    found = rows(body + b"Bo\0b,z\n")
    assert found[-1].problem == "It holds a NUL character"
    assert "\0" not in found[-1].cells[0]
    with pytest.raises(Refused, match="no text file"):
        rows(b"a,b\0\n" + body)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel or zip"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0", "no text file"),
        (b"\xef\xbb\xbfa,b\nJos\xe9,x\n", "line 2 is not"),
    ],
)
def test_it_says_what_is_no_text(data: bytes, said: str):
    with pytest.raises(Refused, match=said):
        rows(data)


def test_it_stops_at_a_file_that_is_too_large():
    with pytest.raises(Refused, match="larger than 1 MB"):
        reading.encoding(io.BytesIO(b"a,b\n" * 300_000), most=MOST)


@pytest.mark.parametrize("before", [0, 100_000])
def test_it_knows_latin_1_and_says_where(before: int):
    data = b"a,b\n" + b"Ann,y\n" * before + "José,z\n".encode("latin-1")
    how = reading.encoding(io.BytesIO(data), most=64 * MOST)
    assert how == Encoding(reading.WINDOWS, before + 2)
    assert rows(data)[-1].cells == ("José", "z")


def test_utf_8_is_utf_8_across_chunks():
    data = ("é" * 400_000).encode()
    assert reading.encoding(io.BytesIO(b"x" + data), most=64 * MOST) == Encoding()


TEXT = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20
)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=4), min_size=1, max_size=6))
def test_it_reads_back_what_spreadsheets_write(table: list[list[str]]):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(table)
    wanted = [tuple(row) for row in table if any(cell.strip() for cell in row)]
    data = b"\xef\xbb\xbf" + out.getvalue().encode()
    if b"\0" in data:
        return
    assert cells(data) == wanted


@given(st.binary(max_size=400))
def test_it_takes_or_refuses_any_bytes(data: bytes):
    try:
        found = rows(data)
    except Refused:
        return
    numbers = [row.line for row in found]
    assert numbers == sorted(numbers)
    assert all("\0" not in cell for row in found for cell in row.cells)
