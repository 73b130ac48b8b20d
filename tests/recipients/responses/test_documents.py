"""Documents: what buyers send, and what attackers do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from recipients.responses import DocumentError, Html, Json, SelectorError, Text, Xml
from recipients.responses.documents import document_of
from recipients.responses.parsing import MAX_ELEMENTS
from recipients.responses.selectors import compile_selector
from tests.recipients.responses.replies import reply

JSON = """{"status": "success", "leadId": "ABC123", "price": 45.00, "a": {"b": ["x", {"c": 1}]},
 "errors": [{"m": "one"}, {"m": "two"}], "dotted.key": 5, "none": null, "list": [1, 2]}"""
XML = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://soap" xmlns="http://buyer"><s:Body><Reply code="7">
<result><![CDATA[accepted & fine]]></result><id>12</id><error>a</error><error>b</error>
</Reply></s:Body></s:Envelope>"""
HTML = """<!DOCTYPE html><html><body><p class="error">Bad<br>phone</p><p>x
<a class="next" href="/leads/99">go</a></body>"""


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("status", ["success"]),
        ("response.leadId", ["ABC123"]),
        ("$.price", [45.0]),
        ("a.b.0", ["x"]),
        ("a.b.1.c", [1]),
        ("a.b[1].c", [1]),
        ("a.b.-1.c", [1]),
        ("errors.*.m", ["one", "two"]),
        ("a.*.0", ["x"]),
        ("dotted.key", [5]),
        ("none", [None]),
        ("list", [[1, 2]]),
        ("missing", []),
        ("status.x", []),
        ("a.b.9", []),
        (r"regex:\"leadId\": \"(\w+)\"", ["ABC123"]),
        ("//status", []),
    ],
)
def test_it_finds_in_json(path: str, values: list[Any]) -> None:
    assert Json(JSON).find(compile_selector(path)) == values


def test_it_prefers_a_real_response_key_to_the_prefix() -> None:
    assert Json('{"response": {"a": 1}, "a": 2}').find(compile_selector("response.a")) == [1]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("//result", ["accepted & fine"]),
        ("//Reply/id", ["12"]),
        ("//b:Reply/b:id", ["12"]),
        ("/Envelope/Body/Reply/@code", ["7"]),
        ("//Reply[@code='7']/id", ["12"]),
        ("//error", ["a", "b"]),
        ("count(//error)", [2.0]),
        ("string(//id)", ["12"]),
        ("//missing", []),
        ("Body.Reply.id", ["12"]),
        ("css:Reply > id", ["12"]),
        ('regex:code="(\\d)"', ["7"]),
    ],
)
def test_it_finds_in_xml(path: str, values: list[Any]) -> None:
    assert Xml(XML).find(compile_selector(path)) == values


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("css:.error", ["Badphone"]),
        ("css:a.next@href", ["/leads/99"]),
        ("css:p > a, p.error", ["Badphone", "go"]),
        ("//p[@class='error']", ["Badphone"]),
        ("css:.missing", []),
        ("regex:leads/(\\d+)", ["99"]),
    ],
)
def test_it_finds_in_html(path: str, values: list[Any]) -> None:
    assert Html(HTML).find(compile_selector(path)) == values


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (JSON, "application/json", Json),
        (JSON, "text/html", Json),
        (JSON, "", Json),
        ("\ufeff" + JSON, "text/plain", Json),
        (XML, "application/json", Xml),
        (XML, "", Xml),
        ("<r/>", "text/html", Html),
        ("<r/>", "text/plain", Xml),
        (HTML, "text/xml", Html),
        (HTML, "", Html),
        ("OK", "", Text),
        ("[OK] taken", "", Text),
        ("1 < 2", "", Text),
        ("", "text/plain", Text),
    ],
)
def test_it_goes_by_the_body_before_the_content_type(
    body: str, content_type: str, kind: type
) -> None:
    assert type(document_of(reply(body, content_type=content_type))) is kind


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<?xml version='1.0' encoding='iso-8859-1'?><r>\xe9</r>", ""),
        (b"<r>\xe9</r>", "text/xml; charset=iso-8859-1"),
        ("<r>é</r>".encode(), ""),
        ("<r>é</r>".encode("utf-16"), ""),
        ("<r>é</r>".encode(), "text/xml; charset=nonsense"),
        ("<r>é</r>".encode(), "text/xml; charset=punycode"),
    ],
)
def test_it_reads_the_charset(body: bytes, content_type: str) -> None:
    document = document_of(reply(body, content_type=content_type))
    assert document.find(compile_selector("//r")) == ["é"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"a": ', r"Not valid JSON: .*\(line 1, column"),
        ("<a><b></a>", r"Not valid XML: .*\(line 1, column"),
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', "document type"),
        ('<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>', "document type"),
        ("<r>&unknown;</r>", "Not valid XML"),
        ("<a>" * 5000, "more than|Not valid"),
        ("<a>" * 1000 + "</a>" * 1000, "Not valid XML"),
        ("<r>" + "<a/>" * (MAX_ELEMENTS + 1) + "</r>", "more than"),
        ("[" * 20_000 + "]" * 20_000, "Not valid JSON"),
    ],
)
def test_it_refuses_what_does_not_parse_or_could_harm(body: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        document_of(reply(body))


@pytest.mark.parametrize(
    "path",
    [
        "", " ", "a..b", ".a", "a.", "a b = c", "x" * 301, "a.*.*.*.*", "//", "//a[", "/a[b]]",
        "//a//b//c//d", "//a[//b]", "//a[../b]", "//a/ancestor::b", "//a/following::b",
        "//a/preceding-sibling::b", "//a[b[c]]", "document('x')", "css:[", "css:a ~ b", "css:a + b",
        "css:a b c d e", "css:", "regex:(", "regex:(a+)+$", "regex:" + "a" * 1001, "header:",
        "header:a b", "header:a\nb",
    ],
)  # fmt: skip
def test_it_refuses_wrong_and_costly_selectors(path: str) -> None:
    with pytest.raises(SelectorError):
        compile_selector(path)


@pytest.mark.parametrize("body", [
    "<r>" + "<a/>" * (MAX_ELEMENTS - 10) + "</r>",
    "<r>" + ("<a>" * 50 + "</a>" * 50) * 38 + "</r>",
    "<r>" + "<a>" * 200 + "t" * 50_000 + "</a>" * 200 + "</r>",
])  # fmt: skip
@pytest.mark.parametrize("path", ["//*/*/..", "//a//a//a", "//a/..//a", "//a|//a|//a",
    "//*[contains(.,'zz')]", "//*[count(descendant::*)>5]", "(//a)[last()]", "css:a a a",
    "css:a:nth-child(3)", "//*[position()>1][position()>2][contains(.,'x')]"])  # fmt: skip
def test_the_selectors_it_takes_end_soon_on_the_worst_documents(body: str, path: str) -> None:
    document, selector = Xml(body), compile_selector(path)
    began = time.process_time()
    document.find(selector)
    assert time.process_time() - began < 1
