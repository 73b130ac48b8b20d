"""Values on their way into files that people open in spreadsheets, and back. Pure.

A spreadsheet runs what begins with one of these characters (OWASP, "CSV injection"); an apostrophe
in front makes it text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BOM: Final = "\ufeff"  # by which Excel knows UTF-8


def guarded(text: str) -> str:
    """The value as a spreadsheet takes it for text."""
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text


def bare(text: str) -> str:
    """The value that was `guarded`, or that a spreadsheet wrote as ="0123"."""
    if text.startswith("'") and text[1:].lstrip(" ").startswith(DANGEROUS):
        return text[1:]
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        return text[2:-1]
    return text


def line(cells: Iterable[str], *, delimiter: str = ",") -> str:
    """A line of a file, every value quoted: one with another country's delimiter stays one."""
    out = io.StringIO()
    row: Sequence[str] = [guarded(cell) for cell in cells]
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerow(row)
    return out.getvalue()
