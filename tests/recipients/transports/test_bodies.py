from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from recipients.mapping import compile_template
from recipients.options import compile_options
from recipients.plan import BodyFormat, EndpointPlan
from recipients.transports import NotSendable
from recipients.transports.bodies import (
    OPTIONS,
    csv_body,
    form_body,
    json_body,
    message_of,
    pairs_of,
    xml_body,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
PAYLOADS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=5,
)


def test_it_writes_decimals_as_numbers_digit_for_digit() -> None:
    payload = {"price": Decimal("45.00"), "big": Decimal("12345678901234567890.12")}
    assert json_body(payload) == b'{"price":45.00,"big":12345678901234567890.12}'
    assert json_body({"a": Decimal("1E+3")}) == b'{"a":1000}'
    assert json_body({"a": Decimal("NaN")}) == b'{"a":null}'


def test_it_writes_numbers_of_any_size_and_broken_text() -> None:
    assert json_body({"n": 10**30, "s": "a\ud800b"}) == '{"n":%d,"s":"a\ufffdb"}'.encode() % 10**30


@given(PAYLOADS)
def test_it_writes_json_that_reads_back(payload: dict[str, object]) -> None:
    assert json.loads(json_body(payload)) == payload


def test_it_nests_form_keys_in_brackets() -> None:
    payload = {"a": {"b": {"c": 1}}, "l": ["x", "y"], "o": [{"k": True}], "n": None, "t": "ä &="}
    assert form_body(payload) == (b"a[b][c]=1&l[]=x&l[]=y&o[0][k]=true&n=&t=%C3%A4+%26%3D")


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=20), max_size=5))
def test_it_writes_forms_that_read_back(payload: dict[str, str]) -> None:
    body = form_body(payload).decode("ascii")
    assert parse_qsl(body, keep_blank_values=True) == list(payload.items())


def test_it_writes_xml_with_attributes_text_and_repeated_elements() -> None:
    payload = {"@id": 'a"1', "name": "A & B", "car": [{"#text": "x", "@year": 2020}, "y"]}
    assert xml_body(payload, root="lead") == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<lead id='a\"1'><name>A &amp; B</name>"
        b'<car year="2020">x</car><car>y</car></lead>'
    )


@given(PAYLOADS)
def test_it_writes_xml_that_a_parser_takes(payload: dict[str, object]) -> None:
    etree.fromstring(xml_body(payload, root="lead"))


@pytest.mark.parametrize("name", ["", "1a", "a b", "a>", "a:b:c", "-a"])
def test_it_refuses_names_that_are_not_xml(name: str) -> None:
    with pytest.raises(NotSendable):
        xml_body({name: 1}, root="lead")
    with pytest.raises(NotSendable):
        xml_body({}, root=name)


def options(**written: Any) -> Mapping[str, Any]:
    return compile_options(OPTIONS, written)


def test_it_declares_namespaces_at_the_root_of_xml() -> None:
    namespaces = {"xmlns": "urn:buyer", "c": "urn:contact"}
    written = options(xml_namespaces=namespaces, xml_declaration=False)
    assert xml_body({"@id": 1, "c:email": "x"}, root="c:lead", options=written) == (
        b'<c:lead xmlns="urn:buyer" xmlns:c="urn:contact" id="1"><c:email>x</c:email></c:lead>'
    )
    with pytest.raises(NotSendable, match="prefix"):
        xml_body({}, root="ns:lead")


def test_it_sends_json_as_a_list_when_told() -> None:
    assert json_body({"a": 1}, options(json_list=True)) == b'[{"a":1}]'
    assert json_body([{"a": 1}], options(json_list=True)) == b'[{"a":1}]'


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ({}, b"l[]=x&l[]=y&o[0][k]=1&o[0][m][]=2&n[a]=3&z[]=4"),
        ({"form_lists": "repeat"}, b"l=x&l=y&o[0][k]=1&o[0][m]=2&n[a]=3&z[]=4"),
        ({"form_lists": "indexes"}, b"l[0]=x&l[1]=y&o[0][k]=1&o[0][m][0]=2&n[a]=3&z[0]=4"),
        ({"form_lists": "commas"}, b"l=x%2Cy&o[0][k]=1&o[0][m]=2&n[a]=3&z[]=4"),
        ({"form_nesting": "dots"}, b"l[]=x&l[]=y&o.0.k=1&o.0.m[]=2&n.a=3&z[]=4"),
        ({"form_nesting": "dots", "form_lists": "repeat"}, b"l=x&l=y&o.0.k=1&o.0.m=2&n.a=3&z[]=4"),
    ],
)
def test_it_writes_lists_and_names_within_names_as_told(written: Any, body: bytes) -> None:
    payload = {"l": ["x", "y"], "o": [{"k": 1, "m": [2]}], "n": {"a": 3}, "z[]": [4]}
    assert form_body(payload, options(**written)) == body


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ({}, b"b,a\r\n1;2,x\r\n"),
        ({"csv_delimiter": "semicolon"}, b'b;a\r\n"1;2";x\r\n'),
        ({"csv_delimiter": "tab", "csv_header": False}, b"1;2\tx\r\n"),
        ({"csv_delimiter": "pipe", "csv_columns": "a, c ,b"}, b"a|c|b\r\nx||1;2\r\n"),
    ],
)
def test_it_writes_csv_as_told(written: Any, body: bytes) -> None:
    assert csv_body({"b": "1;2", "a": "x"}, options(**written)) == body


def test_it_writes_a_line_of_csv_for_each_item() -> None:
    body = csv_body([{"a": 1, "l": ["x", "y"]}, {"b": 2, "a": 3}])
    assert body == b"a,l[0],l[1],b\r\n1,x,y,\r\n3,,,2\r\n"


def test_it_loses_no_value_that_has_no_column() -> None:
    with pytest.raises(NotSendable, match="no column 'b'"):
        csv_body({"a": 1, "b": 2}, options(csv_columns="a"))


@pytest.mark.parametrize("format", BodyFormat)
def test_it_sends_plain_letters_when_told(format: BodyFormat) -> None:
    at = EndpointPlan("ept_1", compile_template("https://b.example/"), format=format, ascii=True)
    payload = {"name": "Zoë Weiß", "list": ["“x” – 5 €", 7], "in": {"a": "Łódź"}}
    message = message_of(payload, at)
    sent = message.body + message.query.encode("ascii")
    assert sent.isascii()
    for text in (b"Zoe", b"Weiss", b"EUR", b"Lodz"):
        assert text in sent


@given(PAYLOADS)
def test_it_writes_nested_forms_that_read_back(payload: dict[str, Any]) -> None:
    """Names and values in order, whatever they hold, in every way of writing them."""
    for lists in ("brackets", "repeat", "indexes", "commas"):
        written = options(form_lists=lists)
        read = parse_qsl(form_body(payload, written).decode("ascii"), keep_blank_values=True)
        expected = [(k.encode("utf-8", "replace").decode(), v.encode("utf-8", "replace").decode())
                    for k, v in pairs_of(payload, written)]  # fmt: skip
        assert read == expected


@given(st.lists(PAYLOADS, min_size=1, max_size=3), st.sampled_from(["comma", "tab", "pipe"]))
def test_it_writes_csv_whose_rows_are_as_long_as_its_header(
    payloads: list[dict[str, Any]], delimiter: str
) -> None:
    body = csv_body(payloads, options(csv_delimiter=delimiter)).decode()
    mark = {"comma": ",", "tab": "\t", "pipe": "|"}[delimiter]
    rows = list(csv.reader(io.StringIO(body, newline=""), delimiter=mark, strict=True))
    assert len(rows) == len(payloads) + 1
    assert all(len(row) == len(rows[0]) for row in rows)


def test_it_writes_csv_that_reads_back() -> None:
    payload = {"a": 'x,"y"', "b": {"c": "line\r\nbreak"}, "d": Decimal("1.50")}
    rows = list(csv.reader(io.StringIO(csv_body(payload).decode(), newline="")))
    assert rows == [["a", "b[c]", "d"], ['x,"y"', "line\r\nbreak", "1.50"]]


def test_it_refuses_payloads_without_end() -> None:
    endless: dict[str, object] = {}
    endless["a"] = endless
    writers: list[Callable[[Any], bytes]] = [
        json_body,
        form_body,
        csv_body,
        partial(xml_body, root="a"),
    ]
    for write in writers:
        with pytest.raises(NotSendable):
            write(endless)


def test_it_refuses_a_form_without_names() -> None:
    with pytest.raises(NotSendable, match="names"):
        form_body([1, 2])
