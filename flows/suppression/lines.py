"""A file of values, read line by line: one entry a line, whatever else stands beside it.

CSV as people have it: with or without a header, parted by commas, semicolons, tabs or bars, with
quotes, with a byte order mark, with any ends of lines. A line that cannot be read is noted by its
number and left out. Quoted line breaks end a line here all the same.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from flows.suppression import values
from recipients.plan import ListPlan

PIECE = 256 * 1024  # bytes that are worked in at once
LONGEST_LINE = 16 * 1024  # bytes; of longer ones the beginning is looked at
HEAD = 4096
BOM = b"\xef\xbb\xbf"
NO_TEXT = (
    (b"PK\x03\x04", "This is an Excel or zip file. Save it as CSV first."),
    (b"\xff\xfe", "This is UTF-16. Save it as UTF-8 first."),
    (b"\xfe\xff", "This is UTF-16. Save it as UTF-8 first."),
    (b"%PDF", "This is a PDF. A list is a text file."),
    (b"\x1f\x8b", "This is compressed. Unpack it first."),
)
DELIMITERS = ",;\t|"
# What columns of such files are called, beside the list's own fields.
HEADERS = {
    "phone": ("phone", "phone_number", "phonenumber", "number", "mobile", "telephone", "cell"),
    "email": ("email", "email_address", "emailaddress", "e_mail", "mail"),
    "postal_code": ("postal_code", "zip", "zip_code", "zipcode", "postcode"),
    "ip": ("ip", "ip_address"),
    "string": (),
}
FOR_ALL = ("value", "hash", "md5", "sha256", "digest", "entry")


class Refused(ValueError):
    """The file cannot be worked in; says why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values are; `column` counts from 0."""

    delimiter: str = ","
    column: int = 0
    header: bool = False


@dataclass(slots=True)
class Piece:
    """Whole lines of the file."""

    first_line: int
    data: bytes


@dataclass(slots=True)
class Found:
    """What a piece holds. `bad` are line numbers with reasons, without values."""

    lines: int = 0
    digests: list[bytes] = field(default_factory=list)
    read: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)


def pieces(file: BinaryIO, *, most: int) -> Iterator[Piece]:
    """The file in whole lines. Raises Refused when it is longer than `most` bytes, or empty."""
    size, line, rest, dropping = 0, 1, b"", False
    while chunk := file.read(PIECE):
        size += len(chunk)
        if size > most:
            raise Refused(f"The file is larger than {most // (1024 * 1024)} MB.")
        data = rest + chunk
        if dropping:
            dropping, data = _after_break(data)
        end = _last_break(data)
        whole, rest = data[:end], data[end:]
        if whole:
            yield Piece(line, whole)
            line += len(whole.splitlines())
        if len(rest) > LONGEST_LINE:
            yield Piece(line, rest[:LONGEST_LINE] + b"\n")
            line, rest, dropping = line + 1, b"", True
    if rest:
        yield Piece(line, rest)
    if not size:
        raise Refused("The file is empty.")


def _last_break(data: bytes) -> int:
    """Behind the last end of a line; not between the two halves of one."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1


def _after_break(data: bytes) -> tuple[bool, bytes]:
    """Is it still the line whose beginning has been looked at; what comes after its end."""
    found = re.search(rb"\r\n|\n|\r(?=.)", data, re.DOTALL)
    return (False, data[found.end() :]) if found else (True, b"")


def layout(head: bytes, plan: ListPlan, *, column: str = "") -> Layout:
    """Where the values of a file are, by its first bytes. Raises Refused.

    `column` is a header's name or a number from 1; blank: found by name, else the first column
    with a value of the list's kind.
    """
    for mark, message in NO_TEXT:
        if head.startswith(mark):
            raise Refused(message)
    if b"\0" in head[:HEAD]:
        raise Refused("This is no text file. A list is CSV or one value a line.")
    lines = head[:HEAD].removeprefix(BOM).decode(errors="replace").splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise Refused("The file begins with nothing but blanks.")
    delimiter = _delimiter(first)
    cells = _cells(first, delimiter)
    place, header = _place(cells, plan, column.strip())
    return Layout(delimiter, place, header)


def _delimiter(line: str) -> str:
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=lambda mark: (bare.count(mark), -DELIMITERS.index(mark)))


def _place(cells: Sequence[str], plan: ListPlan, wanted: str) -> tuple[int, bool]:
    names = [_name(cell) for cell in cells]
    if wanted.isdecimal() and wanted.isascii():
        place = int(wanted[:6]) - 1
        if not 0 <= place < len(cells):
            raise Refused(f"There is no column {wanted[:6]}: the first line has {len(cells)}.")
        return place, names[place] in _known(plan) or not _usable(plan, cells[place])
    if wanted:
        if _name(wanted) not in names:
            raise Refused(f"There is no column {wanted[:60]!r}; there is: {_listed(cells)}.")
        return names.index(_name(wanted)), True
    for name in _known(plan):
        if name in names:
            return names.index(name), True
    if plan.type == "string" and plan.hashed == "none" and len(cells) > 1:
        raise Refused(f"Say which column holds the values; there is: {_listed(cells)}.")
    usable = [place for place, cell in enumerate(cells) if _usable(plan, cell)]
    if usable or len(cells) == 1:
        return (usable or [0])[0], not usable
    raise Refused(f"Say which column holds the values; there is: {_listed(cells)}.")


def _known(plan: ListPlan) -> list[str]:
    """Headers under which the values may stand, the surest first."""
    own = [name.replace(".", "_") for name in plan.fields]
    hashes = FOR_ALL if plan.hashed == "none" else (plan.hashed, *FOR_ALL)
    return [*own, *HEADERS[plan.type], *hashes]


def _name(cell: str) -> str:
    return re.sub(r"\W+", "_", cell.strip().casefold()).strip("_")


def _listed(cells: Sequence[str]) -> str:
    """Cells are said only where they look like names of columns, not like values."""
    shown = [cell.strip() for cell in cells if re.fullmatch(r"[A-Za-z][\w .-]{0,39}", cell.strip())]
    return ", ".join(shown[:20]) if len(shown) == len(cells) else f"{len(cells)} without names"


def _usable(plan: ListPlan, cell: str) -> bool:
    try:
        values.entry(plan, bare(cell))
    except values.Unusable:
        return False
    return True


def read(
    piece: Piece, plan: ListPlan, how: Layout, digests: Callable[[ListPlan, str], list[bytes]]
) -> Found:
    """The digests of a piece's values, and what is wrong with the other lines."""
    found = Found()
    data = piece.data.removeprefix(BOM) if piece.first_line == 1 else piece.data
    skip_header = how.header and piece.first_line == 1
    for number, raw in enumerate(data.splitlines(), piece.first_line):
        found.lines += 1
        line = raw.decode(errors="replace")
        if not line.strip():
            continue
        if skip_header:
            skip_header = False
            continue
        try:
            found.digests += digests(plan, _cell(line, how))
            found.read += 1
        except values.Unusable as error:
            found.bad.append((number, str(error)))
    return found


def _cell(line: str, how: Layout) -> str:
    """The value of a line. Raises Unusable."""
    if len(line) >= LONGEST_LINE:
        raise values.Unusable("is a very long line")
    if how.column == 0 and '"' not in line:
        text = line.partition(how.delimiter)[0]
    else:
        cells = _cells(line, how.delimiter)
        if how.column >= len(cells):
            raise values.Unusable(f"has no column {how.column + 1}")
        text = cells[how.column]
    if not (text := bare(text)):
        raise values.Unusable("is blank")
    return text


def bare(text: str) -> str:
    """Without what spreadsheets put around numbers: ="5551234567", '5551234567."""
    return text.strip().removeprefix("=").strip("\"' \t")


def _cells(line: str, delimiter: str) -> list[str]:
    """Raises Unusable."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        raise values.Unusable("cannot be read as CSV") from error
