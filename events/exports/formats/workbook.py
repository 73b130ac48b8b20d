"""Workbooks of Excel, written as the rows come: parts of a zip, straight into their file, so that
neither memory nor a second copy on disk grows with them. Pure.

After ECMA-376 (Office Open XML), fifth edition: part 2 for the package, part 1 for its contents:
12.3 parts, 18.2 workbooks, 18.3 worksheets, 18.8 styles, 22.9.2.19 texts with characters that XML
has not. Texts stand in their cells (`inlineStr`): a table of shared ones would have to be held.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

ROWS: Final = 1_048_576  # of a sheet, by Excel's limits; the line of names is one
LONGEST: Final = 32_767  # of a cell's text, in units of UTF-16
CUT: Final = " […]"
# Larger whole numbers lose digits in Excel, which keeps 15 of them: they go as text.
EXACT: Final = 10**15
WIDTH: Final = 18  # of a column, in characters
# Day 0 of the calendar that Excel counts in, from 1 March 1900 on (18.17.4.1).
EPOCH: Final = datetime(1899, 12, 30, tzinfo=UTC)
DAY: Final = timedelta(days=1)
FIRST_MOMENT: Final = datetime(1900, 3, 1, tzinfo=UTC)
BATCH: Final = 200  # rows packed at once
# Packed quickly: XML of tables shrinks to a tenth by the first level, to little less by the ninth.
LEVEL: Final = 1
_NORMAL, _BOLD, _MOMENT = 0, 1, 2  # places in cellXfs of STYLES

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CONTENT: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
STYLES: Final = (
    f'<styleSheet xmlns="{MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/>'
    "</numFmts>"
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    "</cellXfs>"
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)

# What makes a text more than itself: markup, characters that XML has not, and what would be read
# as one of those; spaces at an end, which readers leave out.
_SPECIAL = re.compile("[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_x|^[ \t\n]|[ \t\n]$")
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def write(
    path: Path, rows: Iterable[Sequence[Any]], columns: Sequence[str], *, moments: Iterable[int]
) -> None:
    """A workbook of sheets with as many rows as fit, each under a frozen line of names.

    Values are texts, numbers, truths and None, and moments (aware, or in UTC) in the columns whose
    places `moments` has. What `rows` raises is raised; the file is then none."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as book:
        coming = iter(rows)
        lengths = [_sheet(book, 1, coming, columns, frozenset(moments))]
        for row in coming:
            rest = chain([row], coming)
            lengths.append(_sheet(book, len(lengths) + 1, rest, columns, frozenset(moments)))
        _directory(book, lengths, len(columns))


def _sheet(
    book: zipfile.ZipFile,
    number: int,
    rows: Iterator[Sequence[Any]],
    columns: Sequence[str],
    moments: frozenset[int],
) -> int:
    """Write a sheet of the rows that fit; how many lines it has."""
    letters = [letters_of(place) for place in range(len(columns))]
    # How large a part becomes comes too late: ZIP64, which readers of large files know.
    with book.open(f"xl/worksheets/sheet{number}.xml", "w", force_zip64=True) as part:
        part.write(_opening(number, len(columns)).encode())
        names = "".join(
            _text(letter, 1, name, _BOLD) for letter, name in zip(letters, columns, strict=True)
        )
        part.write(f'<row r="1">{names}</row>'.encode())
        line = 1
        fitting = islice(rows, ROWS - 1)
        while batch := list(islice(fitting, BATCH)):
            made = [_row(row, n, letters, moments) for n, row in enumerate(batch, line + 1)]
            part.write("".join(made).encode())
            line += len(batch)
        part.write(_closing(line, letters).encode())
    return line


def _opening(number: int, columns: int) -> str:
    selected = ' tabSelected="1"' if number == 1 else ""
    widths = f'<cols><col min="1" max="{columns}" width="{WIDTH}" customWidth="1"/></cols>'
    return (
        f'{XML}<worksheet xmlns="{MAIN}"><sheetViews><sheetView{selected} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        '<selection pane="bottomLeft"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/>{widths if columns else ""}<sheetData>'
    )


def _closing(lines: int, letters: Sequence[str]) -> str:
    shown = f'<autoFilter ref="A1:{letters[-1]}{lines}"/>' if letters else ""
    return f"</sheetData>{shown}</worksheet>"


def letters_of(place: int) -> str:
    """A column's letters: 0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _row(
    values: Sequence[Any], number: int, letters: Sequence[str], moments: frozenset[int]
) -> str:
    """Empty cells are left out. Written out, not called, for the kinds that most cells are."""
    cells = [f'<row r="{number}">']
    add = cells.append
    for place, value in enumerate(values):
        if value is None or value == "":
            continue
        if type(value) is str:
            if _SPECIAL.search(value) or len(value) > LONGEST // 2:
                add(_text(letters[place], number, value, _NORMAL))
            else:
                add(f'<c r="{letters[place]}{number}" t="inlineStr"><is><t>{value}</t></is></c>')
        elif place in moments and isinstance(value, datetime):
            add(_moment(letters[place], number, value))
        else:
            add(_number(letters[place], number, value))
    add("</row>")
    return "".join(cells)


def _number(letters: str, number: int, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c r="{letters}{number}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, int | float) and abs(value) < EXACT:
        return f'<c r="{letters}{number}"><v>{value!r}</v></c>'
    return _text(letters, number, str(value), _NORMAL)


def _moment(letters: str, number: int, at: datetime) -> str:
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at < FIRST_MOMENT:
        return _text(letters, number, at.isoformat(), _NORMAL)
    return f'<c r="{letters}{number}" s="{_MOMENT}"><v>{(at - EPOCH) / DAY!r}</v></c>'


def _text(letters: str, number: int, text: str, style: int) -> str:
    """A text that is nothing else, whatever it begins with: only `<f>` is a formula."""
    text = _ESCAPED.sub(_as_code, shortened(text))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    styled = f' s="{style}"' if style else ""
    kept = ' xml:space="preserve"'
    return f'<c r="{letters}{number}"{styled} t="inlineStr"><is><t{kept}>{text}</t></is></c>'


def _as_code(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


def shortened(text: str) -> str:
    """As much as a cell takes, with a sign that it was more."""
    if len(text) * 2 <= LONGEST or len(units := text.encode("utf-16-le")) <= LONGEST * 2:
        return text
    room = (LONGEST - len(CUT)) * 2
    return units[:room].decode("utf-16-le", "ignore") + CUT  # no half of a pair


def _directory(book: zipfile.ZipFile, lengths: Sequence[int], columns: int) -> None:
    """What says what the parts are; last, for only then the sheets are known."""
    numbers = range(1, len(lengths) + 1)
    book.writestr("[Content_Types].xml", XML + _content_types(numbers))
    book.writestr("_rels/.rels", XML + _relations([("officeDocument", "xl/workbook.xml")]))
    book.writestr("xl/workbook.xml", XML + _workbook(lengths, columns))
    parts = [("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
    book.writestr(
        "xl/_rels/workbook.xml.rels", XML + _relations([*parts, ("styles", "styles.xml")])
    )
    book.writestr("xl/styles.xml", XML + STYLES)


def _content_types(numbers: Iterable[int]) -> str:
    parts = [
        ("/xl/workbook.xml", "sheet.main"),
        ("/xl/styles.xml", "styles"),
        *((f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in numbers),
    ]
    named = "".join(
        f'<Override PartName="{name}" ContentType="{CONTENT}.{kind}+xml"/>' for name, kind in parts
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'<Types xmlns="{PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="{relations}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{named}</Types>'
    )


def _relations(parts: Iterable[tuple[str, str]]) -> str:
    named = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(parts, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{named}</Relationships>'


def _workbook(lengths: Sequence[int], columns: int) -> str:
    names = [name_of(number) for number in range(1, len(lengths) + 1)]
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1)
    )
    # A filter's range has a hidden name as well, or some readers do not show it.
    filters = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{place}" hidden="1">'
        f"'{name}'!$A$1:${letters_of(columns - 1)}${lines}</definedName>"
        for place, (name, lines) in enumerate(zip(names, lengths, strict=True))
        if columns
    )
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{sheets}</sheets>"
        + (f"<definedNames>{filters}</definedNames>" if filters else "")
        + "</workbook>"
    )


def name_of(number: int) -> str:
    """A sheet's name."""
    return "Export" if number == 1 else f"Export {number}"
