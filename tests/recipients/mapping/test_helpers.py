"""Helpers and formats, and what they do with values that they cannot work on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from recipients.mapping import HELPERS, MappingError, compile_template
from recipients.mapping.helpers.registry import helper
from tests.recipients.mapping.examples import CONTEXT


def run(expression: str, x: Any = None) -> Any:
    context = {**CONTEXT, "lead": {**CONTEXT["lead"], "x": x}}
    return compile_template("{{" + expression + "}}").render(context)


@pytest.mark.parametrize(
    ("x", "pattern", "written"),
    [
        ("+15555551234", "(###) ###-####", "(555) 555-1234"),
        ("15555551234", "##########", "5555551234"),
        ("555.555.1234", "###-###-####", "555-555-1234"),
        ("5555551234", "+1##########", "+15555551234"),
        ("5555551234 x99", "##########", "5555551234"),
        (5555551234, "##########", "5555551234"),
        ("123", "(###) ###-####", "123"),
        ("+44 20 7946 0958", "##########", "442079460958"),
        ("+4930901820", "(###) ###-####", "+4930901820"),
        ("+4930901820", "##########", "+4930901820"),
        ("+4930901820", "+## ## ######", "+49 30 901820"),
        ("none given", "##########", ""),
        ("", "##########", ""),
        (None, "##########", ""),
        ("123456789", "###-##-####", "123-45-6789"),
        ("02134", "#####", "02134"),
        ("5555551234", "e164", "+15555551234"),
        ("+442079460958", "e164", "+442079460958"),
        ("2024-01-05T03:04:09.087Z", "YYYY-MM-DD", "2024-01-05"),
        ("2024-01-05T03:04:09.087Z", "M/D/YY h:mm A", "1/5/24 3:04 AM"),
        ("2024-01-05T13:04:09.087Z", "hh:mm:ss.SSS a", "01:04:09.087 pm"),
        ("2024-01-05T13:04:09Z", "YYYY-MM-DDTHH:mm:ssZ", "2024-01-05T13:04:09+00:00"),
        ("2024-01-05T13:04:09Z", "H ZZ X x", "13 +0000 1704459849 1704459849000"),
        ("2024-01-05", "dddd, MMMM Do YYYY", "Friday, January 5th 2024"),
        ("2024-01-05", "ddd MMM DD [at] DDDD", "Fri Jan 05 at 005"),
        ("1/5/2024", "YYYY-MM-DD", "2024-01-05"),
        ("01/05/2024 1:30 PM", "HH:mm", "13:30"),
        (1704459849, "YYYY-MM-DD HH:mm", "2024-01-05 13:04"),
        ("1704459849000", "YYYY", "2024"),
        ("Fri, 05 Jan 2024 13:04:09 GMT", "YYYYMMDD", "20240105"),
        (date(2024, 1, 5), "MM/DD/YYYY", "01/05/2024"),
        (datetime(2024, 1, 5, 1, tzinfo=UTC), "iso", "2024-01-05T01:00:00.000Z"),
        ("13/45/2024", "YYYY", "13/45/2024"),
        ("soon", "YYYY-MM-DD", "soon"),
        ("2024-01-05T13:04:09.876Z", "s.S s.SS z", "9.8 9.87 UTC"),
        (True, "YYYY", "true"),
        (1234567.891, "0,0.00", "1,234,567.89"),
        ("$1,045.5", "$0,0.00", "$1,045.50"),
        (-1234.5, "$0,0.00", "-$1,234.50"),
        (1234.5, "#,##0.00", "1,234.50"),
        (0.25, "0%", "25%"),
        (0.2575, "0.0%", "25.8%"),
        (7, "000", "007"),
        (2.5, "0", "3"),
        (2.50, "0.[00]", "2.5"),
        (2.0, "0.[00]", "2"),
        (12, "0.00 USD", "12.00 USD"),
        (Decimal("1e500"), "0.00", str(Decimal("1e500"))),
        ("abc", "0,0", "abc"),
        (0, "0.00", "0.00"),
    ],
)
def test_it_formats(x: Any, pattern: str, written: str) -> None:
    assert run(f'format lead.x "{pattern}"', x) == written


@pytest.mark.parametrize(
    ("x", "zone", "written"),
    [
        ("2024-01-15T02:30:00Z", "America/New_York", "2024-01-14 21:30 -05:00"),
        ("2024-07-15T02:30:00Z", "America/New_York", "2024-07-14 22:30 -04:00"),
        ("2024-01-15T02:30:00Z", "+05:30", "2024-01-15 08:00 +05:30"),
        ("2024-01-15T02:30:00-08:00", "UTC", "2024-01-15 10:30 +00:00"),
        ("1984-03-09", "America/New_York", "1984-03-09 00:00 +00:00"),
        ("0001-01-01T00:00:00Z", "America/New_York", "0001-01-01 00:00 +00:00"),
    ],
)
def test_it_moves_moments_but_not_dates_to_a_time_zone(x: str, zone: str, written: str) -> None:
    assert run(f'format lead.x "YYYY-MM-DD HH:mm Z" "{zone}"', x) == written


def test_it_takes_the_time_zone_from_the_lead() -> None:
    assert run('format now "HH:mm" lead.timezone') == "17:05"
    assert run('format now "HH:mm" lead.x', "Not/AZone") == "22:05"


@pytest.mark.parametrize(
    ("expression", "x", "value"),
    [
        ("upper lead.x", "straße", "STRASSE"),
        ("title lead.x", "mary o'neil-smith", "Mary O'Neil-Smith"),
        ("title lead.x", "JOHN'S", "John's"),
        ("trim lead.x", "  a b ", "a b"),
        ("squeeze lead.x", " a \n b ", "a b"),
        ('replace lead.x "a" "bb"', "aXa", "bbXbb"),
        ('replace lead.x "" "b"', "aXa", "aXa"),
        ('replace_pattern lead.x "[^0-9]+" "-"', "1ab2", "1-2"),
        ('matches lead.x "^[A-Z]{2}$"', "CA", True),
        ("substring lead.x 0 3", "abcdef", "abc"),
        ("substring lead.x 2", "abcdef", "cdef"),
        ("substring lead.x -2", "abcdef", "ef"),
        ("substring lead.x 9 2", "abc", ""),
        ("left lead.x 2", "abc", "ab"),
        ("right lead.x 2", "abc", "bc"),
        ("right lead.x 0", "abc", ""),
        ('truncate lead.x 4 end="…"', "abcdef", "abc…"),
        ("pad_left lead.x 5", "42", "00042"),
        ("pad_left lead.x 5", "", ""),
        ('pad_right lead.x 4 "."', "ab", "ab.."),
        ("digits lead.x", "(555) 5-٣", "5555"),
        ("letters lead.x", "a1-b", "ab"),
        ("ascii lead.x", "Zoë Ñandú Weiß “x” Łódź 你", 'Zoe Nandu Weiss "x" Lodz Ni'),
        ("ascii lead.x", "e\u0301", "e"),
        ('concat lead.x "-" 1 true', "a", "a-1true"),
        ('split lead.x "," 1', "a, b", "b"),
        ('split lead.x "," 9', "a,b", ""),
        ('split lead.x " " -1', "Ann Lee", "Lee"),
        ("string lead.x", 5, "5"),
        ("string lead.x", 45.0, "45"),
        ('math lead.x "+" 1', "85", 86),
        ('math lead.x "*" 1.1', Decimal("15.00"), Decimal("16.500")),
        ('math lead.x "/" 12 decimals=2', 100, Decimal("8.33")),
        ('math lead.x "-" 1 "*" 2', 5, 8),
        ('math lead.x "/" 0', 1, None),
        ('math lead.x "+" 1', "abc", None),
        ('math lead.x "*" lead.x', "9" * 90, None),
        ("round lead.x", 2.5, 3),
        ("round lead.x 1", "2.25", Decimal("2.3")),
        ("floor lead.x", -1.5, -2),
        ("ceil lead.x", 1.2, 2),
        ("abs lead.x", -3, 3),
        ("min lead.x 4", [7, 5], 4),
        ("max lead.x", [7, "9", "x"], 9),
        ("number lead.x", "$1,045.50", Decimal("1045.50")),
        ("number lead.x", "12", 12),
        ("number lead.x", "a", None),
        ("integer lead.x", "12.9", 12),
        ("boolean lead.x", "Yes", True),
        ('boolean lead.x "Y" "N"', "0", "N"),
        ("boolean lead.x", "maybe", None),
        ('default lead.x "none"', " ", "none"),
        ('default lead.x "none"', 0, 0),
        ('lookup lead.x CA="California" default="?"', "CA", "California"),
        ('lookup lead.x CA="California" default="?"', "ca", "?"),
        ('lookup lead.x CA="California" ignore_case=true', "ca", "California"),
        ('lookup lead.x "New York=NY" "a=b=c"', "a", "b=c"),
        ('lookup lead.x "a" 1 "b" 2', "b", 2),
        ('lookup lead.x "a" 1 "b" 2', "c", None),
        ("lookup lead.x 1", ["a", "b"], "b"),
        ('if lead.x 1 2', "", 2),
        ('compare lead.x ">" 80', 85, True),
        ('contains lead.x "b"', "abc", True),
        ('in lead.x "a" "b"', "b", True),
        ("blank lead.x", " ", True),
        ('starts_with lead.x "a"', "abc", True),
        ('ends_with lead.x "c"', "abc", True),
        ('join lead.x "; "', ["a", "", 1], "a; 1"),
        ("join lead.x", "one", "one"),
        ("first lead.x", ["a", "b"], "a"),
        ("last lead.x", ["a", "b"], "b"),
        ("count lead.x", ["a", "b"], 2),
        ('list lead.x "b"', None, ["b"]),
        ('object a=lead.x b="c"', 1, {"a": 1, "b": "c"}),
        ('hash lead.x "md5"', "a", "0cc175b9c0f1b6a831c399e269772661"),
        ('hash lead.x "sha1"', "a", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("hash lead.x", "a", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ('hash lead.x "md5" salt="b"', "a", "07159c47ee1b19ae4fb9c40d480856c4"),
        ('hash lead.x "md5"', "", ""),
        ('hmac lead.x "md5" key="k"', "a", "ddcf3d210049e7135f61affae73731cd"),
        ("json lead.x", {"a": Decimal("1.50"), "b": [True, None]}, '{"a":1.50,"b":[true,null]}'),
        ('xml lead.x "a"', {"@k": 1, "#text": "<"}, '<a k="1">&lt;</a>'),
        ('xml lead.x "a"', ["x", 0], "<a>x</a><a>0</a>"),
        ('xml lead.x "a"', None, ""),
        ("uuid lead.x", "a", "e1407479-3136-56c0-9908-bb02fb0339e2"),
        ("uuid lead.x", " ", ""),
        ("base64 lead.x", "a", "YQ=="),
        ("url lead.x", "a b&c/d", "a%20b%26c%2Fd"),
        ("escape lead.x", '<a & "b">', "&lt;a &amp; &quot;b&quot;&gt;"),
        ('format (date_add lead.x 2 "days") "YYYY-MM-DD"', "2024-02-28", "2024-03-01"),
        ('format (date_add lead.x 1 "month") "YYYY-MM-DD"', "2024-01-31", "2024-02-29"),
        ('format (date_add lead.x -1 "years") "YYYY-MM-DD"', "2024-02-29", "2023-02-28"),
        ('date_add lead.x 9000 "years"', "2024-01-31", None),
        ("date_add lead.x 1", "soon", None),
        ("days_between lead.x now", "2024-01-10T23:59:00Z", 5),
        ("days_between now lead.x", "soon", None),
        ('read_date lead.x "DD/MM/YYYY"', "02/01/1984", "1984-01-02"),
        ('read_date lead.x "D.M.YY"', "2.1.84", "1984-01-02"),
        ('read_date lead.x "MMMM Do, YYYY"', "March 3rd, 2024", "2024-03-03"),
        ('read_date lead.x "YYYYMMDDHHmmss"', "20240103040506", "2024-01-03T04:05:06.000Z"),
        ('read_date lead.x "YYYY-MM-DD HH:mm" "America/New_York"', "2024-07-03 04:05",
         "2024-07-03T04:05:00.000-04:00"),
        ('read_date lead.x "DD/MM/YYYY"', "31/02/1984", None),
        ('read_date lead.x "DD/MM/YYYY"', "1984-01-02", None),
        ('read_date lead.x "MMM YYYY"', "Foo 1984", None),
        ("read_date lead.x", "1984-01-02", "1984-01-02"),
        ("age lead.x now", "1984-01-16", 39),
        ("age lead.x now", "1984-01-15", 40),
        ("age lead.x now", "soon", None),
    ],
)  # fmt: skip
def test_it_helps(expression: str, x: Any, value: Any) -> None:
    result = run(expression, x)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("call", ["default", "default value=1", "one_of value=1"])
def test_it_refuses_a_call_without_its_first_value(call: str) -> None:
    with pytest.raises(MappingError, match="needs 1 value"):
        run(call)


def test_it_registers_no_helper_whose_values_might_be_named() -> None:
    with pytest.raises(TypeError, match="put a /"):
        helper("never")(lambda value: value)


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_every_helper_says_what_it_does(name: str) -> None:
    assert HELPERS[name].summary
