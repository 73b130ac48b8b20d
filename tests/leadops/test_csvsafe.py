"""Values for spreadsheets, and back."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import csvsafe

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1 512 555 0100", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =cmd()", "＝1"]
)
def test_it_makes_text_of_what_a_spreadsheet_would_run(text: str):
    assert csvsafe.guarded(text) == f"'{text}"
    assert csvsafe.bare(csvsafe.guarded(text)) == text


@pytest.mark.parametrize("text", ["", "Ann", "12", "a=b", "O'Hara", "'quoted'"])
def test_it_leaves_the_rest_alone(text: str):
    assert csvsafe.guarded(text) == text
    assert csvsafe.bare(text) == text


def test_it_takes_numbers_as_spreadsheets_write_them():
    assert csvsafe.bare('="0123"') == "0123"


@given(st.lists(TEXT, min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_a_line_reads_back_and_nothing_in_it_runs(cells: list[str], mark: str):
    text = csvsafe.line(cells, delimiter=mark)
    (found,) = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    assert found == [csvsafe.guarded(cell) for cell in cells]
    assert not any(cell.lstrip(" ").startswith(csvsafe.DANGEROUS) for cell in found)
