"""Leads written as XML."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.submitting.documents import of_xml
from recipients.responses import DocumentError


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("<lead><a>1</a><b/></lead>", {"a": "1", "b": ""}),
        ("<x><a>1</a><a>2</a><a>3</a></x>", {"a": ["1", "2", "3"]}),
        ('<x v="7"><c><p>1</p></c></x>', {"v": "7", "c": {"p": "1"}}),
        ('<lead email="a@b.example"/>', {"email": "a@b.example"}),
        ("<n:x xmlns:n='u'><n:a> 1 &amp; 2 </n:a></n:x>", {"a": "1 & 2"}),
        ("<x><a><![CDATA[<b>]]></a></x>", {"a": "<b>"}),
    ],
)
def test_elements_are_fields(body, values):
    assert of_xml(body.encode(), "text/xml") == values


def test_it_reads_the_charset_that_is_named():
    body = '<?xml version="1.0" encoding="ISO-8859-1"?><x><a>Müller</a></x>'.encode("latin-1")
    assert of_xml(body, "text/xml") == {"a": "Müller"}


@given(st.binary(max_size=200) | st.text(alphabet="<>/a &;!?[]'\"=x", max_size=80).map(str.encode))
def test_anything_else_is_refused_in_words(body):
    with contextlib.suppress(DocumentError):
        assert isinstance(of_xml(body, "text/xml"), dict)
