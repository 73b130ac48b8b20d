"""CSV as people have it, row by row: nothing is lost, and what is wrong has a line number. Pure.

UTF-8 with or without a byte order mark, else Windows-1252; any ends of lines; commas, semicolons,
tabs or bars; quoted values over several lines. A quote that is opened and not closed spoils its
own line alone.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

HEAD: Final = 64 * 1024  # bytes by which a file is judged
CHUNK: Final = 256 * 1024
LONGEST_LINE: Final = 256 * 1024  # characters; a posted lead is no larger
LONGEST_RECORD: Final = 100  # lines: more is a quote that nobody closed
MAX_COLUMNS: Final = 500  # as many fields as a posted lead may have
SHOWN: Final = 500  # characters that are kept of a line that is too long
UTF8, WINDOWS = "utf-8-sig", "cp1252"
OPEN: Final = "unexpected end"  # so begins what the csv module says of an open quote
DELIMITERS: Final = ",;\t|"
NO_TEXT: Final = (
    (b"PK\x03\x04", "This is an Excel or zip file. Save it as CSV (UTF-8) first."),
    (b"\xd0\xcf\x11\xe0", "This is an Excel file. Save it as CSV (UTF-8) first."),
    (b"\xff\xfe", "This is UTF-16. Save it as CSV (UTF-8) first."),
    (b"\xfe\xff", "This is UTF-16. Save it as CSV (UTF-8) first."),
    (b"%PDF", "This is a PDF. Leads are read from a CSV file."),
    (b"\x1f\x8b", "This is compressed. Unpack it first."),
)


class Refused(ValueError):
    """The file cannot be read at all; says why, with the line where there is one."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes are text. `odd_line` is the first that is no UTF-8, 0 where all are."""

    name: str = UTF8
    odd_line: int = 0

    @property
    def label(self) -> str:
        return "UTF-8" if self.name == UTF8 else "Windows-1252 (Latin-1)"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file. `problem` says why it cannot be a lead; `cells` is then what there is."""

    line: int
    cells: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    problem: str = ""


def encoding(file: BinaryIO, *, most: int) -> Encoding:
    """Looks through the whole file once. Raises Refused for what is no text, or too large."""
    head = file.read(HEAD)
    _check(head)
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    size, lines, data = 0, 1, head
    while True:
        size += len(data)
        if size > most:
            raise Refused(f"The file is larger than {most // (1024 * 1024)} MB.")
        try:
            decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            # `object` begins with what the decoder had kept of the chunk before.
            line = lines + _breaks(error.object[: error.start])
            if head.startswith(codecs.BOM_UTF8):
                message = f"It says that it is UTF-8, and line {line:,} is not."
                raise Refused(message) from error
            return Encoding(WINDOWS, line)
        if not data:
            return Encoding()
        lines += _breaks(data)
        data = file.read(CHUNK)


def _breaks(data: bytes) -> int:
    """Ends of lines; old Macintosh files have carriage returns alone."""
    return data.count(b"\n") or data.count(b"\r")


def _check(head: bytes) -> None:
    if not head:
        raise Refused("The file is empty.")
    for mark, message in NO_TEXT:
        if head.startswith(mark):
            raise Refused(message)
    if b"\0" in head[:4096]:
        raise Refused("This is no text file. Leads are read from a CSV file.")


def delimiter(head: str) -> str:
    """What parts the values: the mark that the first lines have most often, outside of quotes."""
    lines = [line for line in head.splitlines() if line.strip()][:20]
    bare = re.sub(r'"[^"]*"', "", "\n".join(lines[:1]))
    return max(DELIMITERS, key=lambda mark: (bare.count(mark), -DELIMITERS.index(mark)))


def head_of(file: BinaryIO, how: Encoding) -> str:
    """The beginning as text."""
    return file.read(HEAD).decode(how.name, errors="replace")


def rows(file: BinaryIO, how: Encoding, mark: str) -> Iterator[Row]:
    """Every row that is not blank, with the line at which it begins."""
    # Windows-1252 leaves five bytes undefined; they are shown as what cannot be read.
    text = io.TextIOWrapper(file, encoding=how.name, errors="replace", newline="")
    try:
        yield from _rows(_lines(text), mark)
    finally:
        text.detach()  # the file is the caller's


def _rows(lines: Iterator[_Line], mark: str) -> Iterator[Row]:
    pending: deque[_Line] = deque()
    while (line := _next(pending, lines)) is not None:
        if line.problem:
            yield Row(line.number, (line.text,), line.problem)
        elif '"' in line.text:
            row = _quoted(line, pending, lines, mark)
            if not _is_blank(row.cells):
                yield row
        else:
            cells = tuple(line.text.rstrip("\r\n").split(mark))
            if not _is_blank(cells):
                yield Row(line.number, cells)


def _next(pending: deque[_Line], lines: Iterator[_Line]) -> _Line | None:
    return pending.popleft() if pending else next(lines, None)


def _is_blank(cells: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in cells)


def _quoted(first: _Line, pending: deque[_Line], lines: Iterator[_Line], mark: str) -> Row:
    """A record with quotes: as many lines as its quotes go over. Where they do not come out even,
    the first line alone is spoilt and the others are read anew."""
    taken, problem = [first], OPEN
    while True:
        if '"' in taken[-1].text:  # else the quote is as open as before
            try:
                return Row(first.number, _parsed([line.text for line in taken], mark))
            except csv.Error as error:
                problem = str(error)
        if not problem.startswith(OPEN):
            break
        more = _next(pending, lines) if len(taken) < LONGEST_RECORD else None
        if more is None:
            break
        if more.problem or _length(taken) + len(more.text) > LONGEST_LINE:
            pending.appendleft(more)
            break
        taken.append(more)
    pending.extendleft(reversed(taken[1:]))
    problem = problem if len(taken) == 1 else OPEN  # else it is another line that it broke on
    return Row(first.number, (first.text.rstrip("\r\n"),), _said(problem))


def _length(taken: Sequence[_Line]) -> int:
    return sum(len(line.text) for line in taken)


def _parsed(texts: Sequence[str], mark: str) -> tuple[str, ...]:
    """The values of one record; raises csv.Error."""
    reader = csv.reader(texts, delimiter=mark, strict=True)
    cells = tuple(next(reader, []))
    if next(reader, None) is not None:  # a lone carriage return within a line
        raise csv.Error("unexpected record")
    return cells


def _said(problem: str) -> str:
    if problem.startswith(OPEN):
        return "A quote is opened and not closed"
    if "expected after" in problem:
        return "Something stands behind a closing quote"
    return "It cannot be read as CSV"


def _lines(text: io.TextIOWrapper) -> Iterator[_Line]:
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) >= LONGEST_LINE and not line.endswith(("\n", "\r")):
            _skip(text)
            problem = f"The line is longer than {LONGEST_LINE // 1024:,} KB"
            yield _Line(number, line[:SHOWN].replace("\0", "�"), problem)
        elif "\0" in line:
            shown = line.rstrip("\r\n").replace("\0", "�")
            yield _Line(number, shown, "It holds a NUL character")
        else:
            yield _Line(number, line)


def _skip(text: io.TextIOWrapper) -> None:
    """On to behind the end of the line."""
    while (rest := text.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
        pass
