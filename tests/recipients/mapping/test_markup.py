"""XML as it is written, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from recipients.mapping.markup import MarkupError, legal, xml_of

TEXTS = st.text(max_size=20)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("A & <B>", "<a>A &amp; &lt;B&gt;</a>"),
        (0, "<a>0</a>"),
        (False, "<a>false</a>"),
        (None, "<a></a>"),
        ("x\x00\x08y\ud800", "<a>xy</a>"),
        (["x", ["y"], {"b": 1}], "<a>x</a><a>y</a><a><b>1</b></a>"),
        ({"@b": 'q"1', "#text": "t"}, "<a b='q\"1'>t</a>"),
        ({"@b": "a\nb"}, '<a b="a&#10;b"></a>'),
        ({"#cdata": "<b>]]></b>"}, "<a><![CDATA[<b>]]]]><![CDATA[></b>]]></a>"),
        ({"#text": "x", "b": 1}, "<a>x<b>1</b></a>"),
        ({"@xmlns:p": "urn:p", "p:b": {"@p:c": 1}}, '<a xmlns:p="urn:p"><p:b p:c="1"></p:b></a>'),
        ({"@xmlns": ""}, '<a xmlns=""></a>'),
        ({"@xmlns": "http://a.b/c?d=%20#e"}, '<a xmlns="http://a.b/c?d=%20#e"></a>'),
        ({"@xml:lang": "de"}, '<a xml:lang="de"></a>'),
    ],
)
def test_it_writes(value: Any, written: str) -> None:
    assert xml_of("a", value) == written


def test_it_lets_an_element_declare_its_own_prefix() -> None:
    assert xml_of("p:a", {"@xmlns:p": "urn:p"}) == '<p:a xmlns:p="urn:p"></p:a>'
    assert xml_of("p:a", "x", prefixes=["p"]) == "<p:a>x</p:a>"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("", "x", "not an XML name"),
        ("1a", "x", "not an XML name"),
        ("a b", "x", "not an XML name"),
        ("a\n", "x", "not an XML name"),
        ("a²", "x", "not an XML name"),
        ("a:b:c", "x", "not an XML name"),
        ("p:a", "x", "no namespace: add @xmlns:p"),
        ("a", {"p:b": {"@xmlns:p": "urn:p"}, "p:c": 1}, "no namespace"),
        ("a", {"@p:b": 1}, "no namespace"),
        ("a", {"@b c": 1}, "not an XML name"),
        ("a", {"@xmlns:p": ""}, "declares no namespace"),
        ("a", {"@xmlns:xml": "urn:x"}, "declares no namespace"),
        ("a", {"@xmlns": "not a uri"}, "declares no namespace"),
        ("a", {"@xmlns:p": "1:2"}, "declares no namespace"),
    ],
)
def test_it_refuses(name: str, value: Any, message: str) -> None:
    with pytest.raises(MarkupError, match=message):
        xml_of(name, value)


@given(TEXTS, TEXTS, TEXTS)
def test_it_writes_texts_that_read_back(text: str, attribute: str, section: str) -> None:
    root = etree.fromstring(
        xml_of("a", {"@b": attribute, "t": text, "c": {"#cdata": section}}).encode()
    )
    assert root.get("b") == legal(attribute)
    assert (root[0].text or "") == legal(text)
    # A parser makes the line breaks of a CDATA section one kind; nothing in it can be escaped.
    assert (root[1].text or "") == legal(section).replace("\r\n", "\n").replace("\r", "\n")


@given(st.text(min_size=1, max_size=4))
def test_it_takes_only_names_that_a_parser_takes(name: str) -> None:
    try:
        written = xml_of(name, {f"@{name}": 1})
    except MarkupError:
        return
    assert etree.fromstring(written.encode()).tag == name
