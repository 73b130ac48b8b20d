"""Bytes as text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.responses.charsets import MAX_BODY, decoded
from tests.recipients.responses.replies import reply


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("é".encode(), ""),
        ("é".encode("latin-1"), ""),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1"),
        ("é".encode("windows-1252"), 'text/plain; charset="windows-1252"'),
        (codecs.BOM_UTF8 + "é".encode(), "text/plain; charset=iso-8859-1"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), "application/json; charset=utf-8"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), ""),
        (codecs.BOM_UTF32_LE + "é".encode("utf-32-le"), ""),
        ("é".encode("utf-16-le"), "text/plain; charset=utf-16le"),
        ("é".encode(), "text/plain; charset=rot13"),
        ("é".encode(), "text/plain; charset=idna"),
    ],
)
def test_it_reads_the_charset(body: bytes, content_type: str) -> None:
    assert decoded(reply(body, content_type=content_type)) == "é"


@pytest.mark.parametrize(
    ("head", "charset"),
    [
        ("<?xml version='1.0' encoding='ISO-8859-1'?>", "latin-1"),
        ("<?xml version='1.0' encoding='utf-16'?>", "utf-8"),
        ('<html><head><meta charset="windows-1251">', "windows-1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
    ],
)
def test_it_believes_what_the_document_says_of_itself(head: str, charset: str) -> None:
    letter = "ж" if charset in ("windows-1251", "koi8-r") else "é"
    assert decoded(reply(head.encode() + letter.encode(charset))) == head + letter


def test_it_does_not_take_a_letter_that_was_cut_for_another_charset() -> None:
    text = decoded(reply("é".encode() * MAX_BODY + b"x"))
    assert set(text) == {"é"}
    text = decoded(reply(b"x" + "é".encode() * MAX_BODY))
    assert text.startswith("xéé")


@given(st.binary(max_size=300), st.text(max_size=30))
def test_it_never_raises(body: bytes, charset: str) -> None:
    assert isinstance(decoded(reply(body, content_type=f"text/x; charset={charset}")), str)
