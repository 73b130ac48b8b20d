"""XML that is wrong as buyers' XML is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.responses import DocumentError, Xml, compile_selector
from recipients.responses.repairs import repaired, without_document_type


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<ns:r><ns:a>ok</ns:a></ns:r>", "ok"),
        ("<r xsi:nil='true'><a xsi:type='x'>ok</a></r>", "ok"),
        ("<r xmlns:b='urn:b'><b:x/><c:a>ok</c:a></r>", "ok"),
        ('<!DOCTYPE r SYSTEM "http://x/y.dtd"><r><a>ok</a></r>', "ok"),
        ('<!DOCTYPE r PUBLIC "-//X//Y" "y.dtd">\n<r><a>ok</a></r>', "ok"),
        ("<r><a>x&nbsp;y</a></r>", "x\xa0y"),
        ("<r><a>A & B &amp; C&D</a></r>", "A & B & C&D"),
        ("<r><a href='?a=1&b=2'>ok</a></r>", "ok"),
    ],
)
def test_it_reads_what_is_meant(body: str, text: str) -> None:
    assert Xml(body).find(compile_selector("//a")) == [text]


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        '<!DOCTYPE r SYSTEM "x" [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><r/>',
        '<!DOCTYPE r SYSTEM "x"><!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        "<r>&unknown;</r>",
        "<r><a></r>",
        "<r>" + "<ns:a>" * 300 + "</ns:a>" * 300 + "</r>",
    ],
)
def test_it_repairs_nothing_else(body: str) -> None:
    with pytest.raises(DocumentError):
        Xml(body)


def test_it_leaves_cdata_alone() -> None:
    assert "A & B" in repaired("<r><x:a><![CDATA[A & B]]></x:a></r>")


@given(st.text(alphabet="<>&;!?ab:/= '\"[]x", max_size=60))
def test_it_never_raises(body: str) -> None:
    assert isinstance(repaired(without_document_type(body)), str)
