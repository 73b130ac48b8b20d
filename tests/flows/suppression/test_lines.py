"""Files as people have them, and as nobody should."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.suppression import lines, values
from flows.suppression.lines import Layout, Piece, Refused, layout
from recipients.plan import ListPlan

PHONES = ListPlan(1, "dnc", ("phone_1",), "phone")
TEXTS = ListPlan(2, "names", ("company",), "string")
ONE, TWO = "5125550100", "5125550101"


def read(data: bytes, plan: ListPlan = PHONES, column: str = "") -> lines.Found:
    how = layout(data[: lines.HEAD], plan, column=column)
    whole = lines.Found()
    for piece in lines.pieces(io.BytesIO(data), most=10**9):
        found = lines.read(piece, plan, how, lambda p, text: [values.entry(p, text)])
        whole.lines += found.lines
        whole.read += found.read
        whole.bad += found.bad
        whole.digests += found.digests
    return whole


def both(found: lines.Found) -> bool:
    return found.digests == [values.entry(PHONES, text) for text in (ONE, TWO)]


@pytest.mark.parametrize(
    "data",
    [
        b"5125550100\n5125550101\n",
        b"5125550100\r\n5125550101",
        b"5125550100\r5125550101\r",
        b"\xef\xbb\xbf5125550100\n5125550101\n",
        b"\xef\xbb\xbfphone_1\r\n5125550100\r\n5125550101\r\n",
        b"\n\n5125550100\n\n\n5125550101\n",
        b'"5125550100"\n"5125550101"\n',
        b'="5125550100"\n\'5125550101\n',
        b"name,phone\nAnn,(512) 555-0100\nBob,512-555-0101\n",
        b"name;Phone Number;x\nAnn;5125550100;1\nBob;5125550101;2\n",
        b"name\tmobile\nAnn\t5125550100\nBob\t5125550101\n",
        b"Ann|5125550100\nBob|5125550101\n",
        b'"Smith, Ann",5125550100\n"O""Neil",5125550101\n',
        "naïve,5125550100\nMünchen,5125550101\n".encode("latin-1"),
    ],
)
def test_it_finds_the_values_of_ordinary_files(data):
    found = read(data)
    assert both(found)
    assert found.bad == []


@pytest.mark.parametrize("column", ["2", "Cell", " cell "])
def test_it_takes_the_column_that_is_asked_for(column):
    data = b"phone_1,Cell\n9,5125550100\n9,5125550101\n"
    assert both(read(data, column=column))


def test_it_reports_bad_lines_by_number_and_goes_on():
    data = b"phone\n5125550100\nnot a phone\n\n,\n5125550101\n" + b"9" * 600 + b"\n"
    found = read(data)
    assert both(found)
    assert [number for number, _ in found.bad] == [3, 5, 7]
    assert found.lines == 7


def test_a_line_without_the_column_is_bad():
    found = read(b"name,phone\nAnn,5125550100\nBob\nCy,5125550101\n")
    assert both(found)
    assert found.bad == [(3, "has no column 2")]


def test_a_quote_that_never_ends_spoils_its_own_line_only():
    found = read(b'5125550100\n"51255501\n5125550101\n')
    assert both(found)
    assert [number for number, _ in found.bad] == [2]


def test_a_huge_line_is_one_bad_line():
    found = read(b"5125550100\n" + b"x" * (3 * lines.PIECE) + b"\n5125550101\n")
    assert both(found)
    assert found.bad == [(2, "is a very long line")]


def test_a_file_of_one_endless_line_holds_no_memory():
    data = b"5" * (2 * lines.PIECE)
    kept = list(lines.pieces(io.BytesIO(data), most=10**9))
    assert sum(len(piece.data) for piece in kept) <= lines.LONGEST_LINE + 1


def test_nul_bytes_further_down_are_bad_lines():
    data = b"5125550100\n" * 500 + b"\0\0\0\n" + b"5125550101\n"
    found = read(data)
    assert (found.read, len(found.bad)) == (501, 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04\x14\0", "Excel or zip"),
        (b"\xff\xfe5\x001\0", "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "no text file"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"   \n \n", "nothing but blanks"),
        (b"first,last\nAnn,Smith\n", "Say which column holds the values; there is: first, last"),
    ],
)
def test_it_refuses_what_is_no_list(data, said):
    with pytest.raises(Refused, match=said):
        layout(data, PHONES)


def test_it_refuses_a_column_that_is_not_there():
    with pytest.raises(Refused, match="There is no column 'email'; there is: name, phone"):
        layout(b"name,phone\nAnn,5125550100\n", PHONES, column="email")
    with pytest.raises(Refused, match="There is no column 7"):
        layout(b"name,phone\nAnn,5125550100\n", PHONES, column="7")


def test_it_repeats_no_values_when_it_refuses_a_file():
    with pytest.raises(Refused) as caught:
        layout(b"Ann Smith,ann@example.com\n", PHONES)
    assert "ann@" not in str(caught.value)


def test_texts_need_a_named_column_where_there_are_several():
    assert layout(b"Acme\nBolt\n", TEXTS) == Layout(",", 0, header=False)
    assert layout(b"company,city\nAcme,X\n", TEXTS) == Layout(",", 0, header=True)
    with pytest.raises(Refused, match="Say which column"):
        layout(b"firm,city\nAcme,X\n", TEXTS)


def test_it_refuses_an_empty_file_and_one_that_is_too_large():
    with pytest.raises(Refused, match="empty"):
        list(lines.pieces(io.BytesIO(b""), most=10))
    with pytest.raises(Refused, match="larger"):
        list(lines.pieces(io.BytesIO(b"1\n" * 10), most=10))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b"")),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.integers(1, 64),
)
def test_pieces_hold_every_line_once_wherever_they_are_cut(parts, mark, size):
    data = mark.join(parts)
    if not data:
        return
    whole = data.splitlines()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE", size)
        found = list(lines.pieces(io.BytesIO(data), most=10**6))
    assert [line for piece in found for line in piece.data.splitlines()] == whole
    assert [piece.first_line for piece in found] == [
        1 + sum(len(before.data.splitlines()) for before in found[:place])
        for place in range(len(found))
    ]


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=400))
def test_no_file_breaks_it(data):
    try:
        found = read(data)
    except Refused:
        return
    assert found.read + len(found.bad) <= found.lines


def test_pieces_know_their_type():
    assert next(lines.pieces(io.BytesIO(b"1\n"), most=9)) == Piece(1, b"1\n")
