"""What stands around and inside of answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.responses import Json, Text, compile_selector
from recipients.responses.documents import document_of
from recipients.responses.reading import Reading
from recipients.responses.wrappings import pairs, unwrapped
from tests.recipients.responses.replies import reply


@pytest.mark.parametrize(
    "body",
    [
        'callback({"status": "ok"});',
        ' my.app.cb({"status": "ok"}) \n',
        '/**/ typeof cb === \'function\' && cb({"status": "ok"});',
        ')]}\',\n{"status": "ok"}',
        'while(1);{"status": "ok"}',
        'for (;;);{"status": "ok"}',
        '"{\\"status\\": \\"ok\\"}"',
        '\ufeff{"status": "ok"}',
    ],
)
def test_it_takes_the_wrapping_off_json(body: str) -> None:
    document = document_of(reply(body, content_type="application/javascript"))
    assert isinstance(document, Json)
    assert document.find(compile_selector("status")) == ["ok"]


@pytest.mark.parametrize("body", ["OK(12)", "call me (now)", '"OK"', ")]}'", "f(1);", "a({)"])
def test_it_leaves_texts_as_they_are(body: str) -> None:
    assert unwrapped(body) == body
    assert type(document_of(reply(body))) is Text


@given(st.text())
def test_unwrapping_never_makes_anything_up(text: str) -> None:
    assert unwrapped(text) in text


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("<r><out><![CDATA[<a><status>ok</status></a>]]></out></r>", "//status"),
        ("<r><out>&lt;a&gt;&lt;status&gt;ok&lt;/status&gt;&lt;/a&gt;</out></r>", "//status"),
        ('<string xmlns="http://tempuri.org/">{"status": "ok"}</string>', "status"),
        ('{"d": "{\\"status\\": \\"ok\\"}"}', "status"),
        ('{"d": "<a><status>ok</status></a>"}', "//status"),
        ('{"d": {"x": ["", "{\\"e\\": \\"<a><status>ok</status></a>\\"}"]}}', "//status"),
        ('<html><body><pre>{"status": "ok"}</pre></body></html>', "status"),
    ],
)
def test_it_looks_into_documents_inside_of_documents(body: str, path: str) -> None:
    assert Reading(reply(body)).texts(compile_selector(path)) == ["ok"]


def test_what_stands_outside_comes_first() -> None:
    body = '{"status": "no", "d": "{\\"status\\": \\"ok\\"}"}'
    assert Reading(reply(body)).texts(compile_selector("status")) == ["no"]


def test_no_entity_hides_inside() -> None:
    inner = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r>&x;</r>'
    body = f"<r><out><![CDATA[{inner}]]></out></r>"
    assert Reading(reply(body)).values(compile_selector("//r/r")) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("status=ok&id=7&note=a+b%21", {"status": "ok", "id": "7", "note": "a b!"}),
        ("status=ok\nid = 7\n", {"status": "ok", "id": "7"}),
        ("Status: ok\r\nId: 7", {"Status": "ok", "Id": "7"}),
        ("status=", {"status": ""}),
        ("a=1&a=2", {"a": "1"}),
        ("Error: phone is missing", {}),
        ("OK", {}),
        ("OK\nid=7", {}),
        ("", {}),
        ("{a=1}", {}),
    ],
)
def test_it_reads_names_with_values(body: str, found: dict[str, str]) -> None:
    assert pairs(body) == found


def test_a_path_finds_in_names_with_values() -> None:
    reading = Reading(reply("status=ok&id=7"))
    assert reading.texts(compile_selector("response.id")) == ["7"]
    assert reading.texts(compile_selector(r"regex:id=(\d)")) == ["7"]


@pytest.mark.parametrize(
    ("number", "found"),
    [("12345678901234567890123", "12345678901234567890123"), ("45.10", "45.1"), ("1e3", "1000")],
)
def test_it_rounds_no_id(number: str, found: str) -> None:
    document = document_of(reply(f'{{"id": {number}}}'))
    values: list[Any] = document.find(compile_selector("id"))
    assert [f"{values[0]:g}" if isinstance(values[0], float) else str(values[0])] == [found]
