"""Samples laid out: what is proposed for a value finds that value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadops.lib.http.messages import Reply
from recipients.responses import ReaderSpec, compile_reader
from recipients.responses.conditions import compile_condition
from recipients.responses.reading import Reading
from recipients.responses.samples import MAX_LINES, Line, sample_of
from recipients.responses.selectors import compile_selector
from tests.recipients.responses.replies import reply


def line(body: str, value: str, **headers: str) -> Line:
    """The first line with a value."""
    sample = sample_of(reply(body, **headers))
    return next(each for each in (*sample.lines, *sample.headers) if each.value == value)


@pytest.mark.parametrize(
    ("body", "value", "path", "condition"),
    [
        ('{"status": "accepted"}', "accepted", "status", 'status = "accepted"'),
        ('{"a": {"b": [{"c": "x"}]}}', "x", "a.b.0.c", 'a.b.0.c = "x"'),
        ('{"ok": true}', "true", "ok", "ok = true"),
        ('{"code": 0}', "0", "code", "code = 0"),
        ('{"a b": {"c d": "x"}}', "x", 'a b["c d"]', 'a b["c d"] = "x"'),
        ('{"a": "say \\"yes\\""}', 'say "yes"', "a", 'a = "say \\"yes\\""'),
        ("<r><result>ok</result></r>", "ok", "//result", '//result = "ok"'),
        ("<r><a><n>1</n></a><b><n>2</n></b></r>", "2", "//b/n", '//b/n = "2"'),
        ("<r><e>1</e><e>2</e></r>", "2", "/r/e[2]", '/r/e[2] = "2"'),
        ("<r><a code='7'/></r>", "7", "//a/@code", '//a/@code = "7"'),
        ("<html><p class='ok'>Yes</p></html>", "Yes", "css:p.ok", 'css:p.ok = "Yes"'),
        ("<html><b id='x'>Yes</b></html>", "Yes", "css:#x", 'css:#x = "Yes"'),
        ("<html><input name='s' value='1'></html>", "1", "//input[@name='s']/@value",
         "//input[@name='s']/@value = \"1\""),
        ("OK 17", "OK", r"regex:^(\S*\w)", r'regex:^(\S*\w) = "OK"'),
        ("OK|17", "17", r"regex:^[^|]*\|([^|\r\n]*)", r'regex:^[^|]*\|([^|\r\n]*) = "17"'),
        ("status=ok&id=5", "5", "id", 'id = "5"'),
        ("Thanks. Your id is 17.", "17", r"regex:is\s+(\S*\w)", r'regex:is\s+(\S*\w) = "17"'),
        ("<r><x><![CDATA[<s>ok</s>]]></x></r>", "ok", "//s", '//s = "ok"'),
    ],
)  # fmt: skip
def test_it_proposes_a_path_and_a_condition(
    body: str, value: str, path: str, condition: str
) -> None:
    found = line(body, value)
    assert (found.path, found.condition) == (path, condition)


def test_it_offers_headers() -> None:
    found = line("", "dup", X_Result="dup")
    assert (found.path, found.condition) == ("header:x-result", 'header:x-result = "dup"')


@pytest.mark.parametrize(
    ("body", "value", "reasons"),
    [
        ('{"errors": [{"m": "a"}, {"m": "b"}]}', "b", "errors.*.m"),
        ("<r><e>a</e><e>b</e></r>", "b", "//r/e"),
        ('{"message": "a"}', "a", "message"),
    ],
)
def test_the_path_of_reasons_takes_all_of_a_list(body: str, value: str, reasons: str) -> None:
    assert line(body, value).reasons == reasons


@pytest.mark.parametrize("body", ['{"a": null}', '{"a": ""}', "<r><a/></r>", "", " "])
def test_it_offers_nothing_for_nothing(body: str) -> None:
    assert not any(each.path for each in sample_of(reply(body)).lines)


def test_a_long_text_is_a_sign_by_being_there() -> None:
    assert sample_of(reply(json.dumps({"a": "x" * 500}))).lines[0].condition == "a"


def test_it_says_why_a_reply_is_no_json_and_how_much_is_shown() -> None:
    assert "Not valid JSON" in sample_of(reply('{"a": ')).problem
    many = sample_of(reply(json.dumps({f"k{n}": n for n in range(MAX_LINES + 5)})))
    assert (len(many.lines), many.cut) == (MAX_LINES, True)
    listed = sample_of(reply(json.dumps({"a": list(range(50))})))
    assert listed.lines[-1].label == "… 30 more"


@pytest.mark.parametrize(
    ("label", "name"), [("leadId", "lead_id"), ("Agent Name", "agent_name"), ("1", "value_1")]
)
def test_a_capture_is_called_as_its_value(label: str, name: str) -> None:
    assert line(json.dumps({label: "x"}), "x").name == name


KEYS = st.text(alphabet='ab.[]"=*- 0:/|$é', min_size=1, max_size=6) | st.sampled_from(
    ["status", "response", "css:a", "header:x", "a and b"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
TEXTS = st.text(alphabet="OKab 17|,;\t\n=:&.<>/\"'", max_size=60)


@settings(max_examples=300, deadline=None)
@given(VALUES.map(lambda value: json.dumps(value)) | TEXTS, st.sampled_from(["", "text/html"]))
def test_what_is_proposed_finds_the_value_it_stands_beside(body: str, content_type: str) -> None:
    answer = reply(body, content_type=content_type)
    for each in sample_of(answer).lines:
        if each.path:
            found = Reading(answer).texts(compile_selector(each.path))
            assert found[0][:300] == each.value.removesuffix("…")
            assert Reading(answer).texts(compile_selector(each.reasons))
        if each.condition:
            assert compile_condition(each.condition).holds(Reading(answer))
            assert compile_reader(ReaderSpec(success=each.condition)).read(answer).accepted


@pytest.mark.parametrize("body", ["<K:>", "<html><o:p>x</o:p><p>y</p>", '<html><a"b>z</a"b>'])
def test_it_lays_out_elements_with_odd_names(body: str) -> None:
    assert sample_of(reply(body, content_type="text/html")).lines


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(100, 599), st.text(max_size=20))
def test_it_never_raises(body: bytes, status: int, header: str) -> None:
    sample: Any = sample_of(Reply(status, {"x": header}, body))
    assert sample.form
