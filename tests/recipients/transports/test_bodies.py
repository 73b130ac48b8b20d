from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from recipients.transports import NotSendable
from recipients.transports.bodies import csv_body, form_body, json_body, xml_body

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
    assert xml_body(payload, root="ns:lead") == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<ns:lead id='a\"1'><name>A &amp; B</name>"
        b'<car year="2020">x</car><car>y</car></ns:lead>'
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


def test_it_writes_csv_that_reads_back() -> None:
    payload = {"a": 'x,"y"', "b": {"c": "line\r\nbreak"}, "d": Decimal("1.50")}
    rows = list(csv.reader(io.StringIO(csv_body(payload).decode(), newline="")))
    assert rows == [["a", "b[c]", "d"], ['x,"y"', "line\r\nbreak", "1.50"]]


def test_it_refuses_payloads_without_end() -> None:
    endless: dict[str, object] = {}
    endless["a"] = endless
    for write in (json_body, form_body, csv_body, lambda payload: xml_body(payload, root="a")):
        with pytest.raises(NotSendable):
            write(endless)


def test_it_refuses_a_form_without_names() -> None:
    with pytest.raises(NotSendable, match="names"):
        form_body([1, 2])
