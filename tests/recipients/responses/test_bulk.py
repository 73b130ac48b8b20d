"""Replies to several leads: whose answer is whose, and nobody's is a yes by mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadops.lib.http.messages import Reply
from recipients.outcomes import Outcome
from recipients.responses import BulkSpec, ReaderError, compile_bulk, compile_reader, spec_of
from tests.recipients.responses.replies import reply

READER = {"success": 'status = "ok"', "lead_id": "id", "price": "price", "reason": "why"}
LIST = {"results": [
    {"ref": "b", "status": "no", "why": "Too old"},
    {"ref": "a", "status": "ok", "id": "X1", "price": 0},
]}  # fmt: skip


def results(reply: Reply, keys: str = "ab", reading: Any = READER, **spec: Any) -> list[Any]:
    bulk = compile_bulk(BulkSpec(**spec), compile_reader(spec_of(reading)))
    return bulk.results(reply, list(keys))


def outcomes(*args: Any, **spec: Any) -> list[str]:
    return [result.outcome.value for result in results(*args, **spec)]


def test_it_matches_items_by_the_key_that_was_sent() -> None:
    found = results(reply(json.dumps(LIST)), items="results", key="ref")
    assert [each.outcome for each in found] == [Outcome.ACCEPTED, Outcome.REJECTED]
    assert (found[0].buyer_lead_id, found[0].price, found[1].reason) == ("X1", 0, "Too old")


def test_it_matches_items_by_place() -> None:
    assert outcomes(reply(json.dumps(LIST)), items="results") == ["rejected", "accepted"]


def test_it_matches_items_by_their_number() -> None:
    body = json.dumps([{"row": 2, "status": "ok"}, {"row": "01", "status": "no"}])
    assert outcomes(reply(body), items="*", number="row") == ["rejected", "accepted"]
    body = json.dumps([{"row": 1, "status": "ok"}, {"row": 0, "status": "no"}])
    assert outcomes(reply(body), items="*", number="row", first=0) == ["rejected", "accepted"]


def test_it_reads_a_list_in_xml() -> None:
    body = """<?xml version="1.0"?><r xmlns="urn:x"><lead ref="a"><status>ok</status></lead>
        <lead ref="b"><status>no</status></lead></r>"""
    assert outcomes(reply(body), items="//lead", key="/lead/@ref") == ["accepted", "rejected"]
    assert outcomes(reply(body), "ba", items="lead", key="//@ref") == ["rejected", "accepted"]


def test_it_reads_a_reply_line_by_line() -> None:
    reading = {"success": "regex:^OK", "rules": [{"contains": "DUP", "outcome": "duplicate"}]}
    body = "OK a 17\r\n\r\nDUP b\r\n"
    assert outcomes(reply(body), reading=reading, items="lines") == ["accepted", "duplicate"]
    found = outcomes(reply(body), "ba", reading, items="lines", key=r"regex:^\w+ (\w)")
    assert found == ["duplicate", "accepted"]


def test_it_reads_the_lines_of_json_lines() -> None:
    body = '{"status": "ok"}\n{"status": "no"}\n'
    assert outcomes(reply(body), items="lines") == ["accepted", "rejected"]


def test_it_reads_a_csv_by_its_header() -> None:
    body = 'ref;status;why\nb;no;"Too; old"\na;ok;\n'
    found = results(reply(body, content_type="text/csv"), items="csv", key="ref")
    assert [each.outcome.value for each in found] == ["accepted", "rejected"]
    assert found[1].reason == "Too; old"


def test_one_answer_is_for_all_where_no_items_are_asked_for() -> None:
    assert outcomes(reply('{"status": "ok"}')) == ["accepted", "accepted"]


def test_an_error_is_for_all() -> None:
    assert outcomes(reply(json.dumps(LIST), 503), items="results") == ["server_error"] * 2


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"status": "ok"}', ["unreadable", "unreadable"]),
        ('{"status": "no"}', ["rejected", "rejected"]),
        ('{"results": [{"status": "ok", "ref": "a"}]}', ["accepted", "unreadable"]),
        ('{"results": [{"status": "ok", "ref": "c"}]}', ["unreadable", "unreadable"]),
        ('{"results": [{"status": "ok"}, {"status": "ok"}]}', ["unreadable", "unreadable"]),
        ('{"results": [{"status": "ok", "ref": "a"}, {"status": "no", "ref": "a"}]}',
         ["unreadable", "unreadable"]),
        ('{"results": ["ok", 7, null]}', ["unreadable", "unreadable"]),
        ("<html>Thanks</html>", ["unreadable", "unreadable"]),
        ("", ["unreadable", "unreadable"]),
    ],
)  # fmt: skip
def test_it_takes_nothing_unclear_for_a_yes(body: str, found: list[str]) -> None:
    assert outcomes(reply(body), items="results", key="ref") == found


def test_one_answer_too_few_is_nobodys() -> None:
    body = '{"results": [{"status": "ok"}]}'
    assert outcomes(reply(body), items="results") == ["unreadable", "unreadable"]


def test_the_same_key_twice_among_the_leads_is_unclear() -> None:
    assert outcomes(reply(json.dumps(LIST)), "aa", items="results", key="ref") == ["unreadable"] * 2


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"items": "a..b"}, "items"),
        ({"items": "header:x"}, "items"),
        ({"items": "a", "key": "//["}, "key"),
        ({"items": "a", "key": "b", "number": "c"}, "number"),
    ],
)
def test_it_says_what_is_wrong(spec: dict[str, str], path: str) -> None:
    with pytest.raises(ReaderError) as caught:
        compile_bulk(BulkSpec(**spec), compile_reader(spec_of(READER)))
    assert caught.value.path == path


BULKS = [
    compile_bulk(BulkSpec(**spec), compile_reader(spec_of(READER)))
    for spec in (
        {"items": "results", "key": "ref"},
        {"items": "//a"},
        {"items": "csv", "number": "ref"},
        {"items": "lines"},
        {"items": "*.*", "key": "css:a"},
    )
]


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(alphabet='<a/>{}[]":,;\n\r\x00status1ok ', max_size=80).map(str.encode)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["results", "ref", "status", "price"]), inner)
        ),
    ).map(lambda value: json.dumps({"results": value}).encode()),
    st.integers(100, 599),
)
def test_it_gives_every_lead_one_result_whatever_comes(body: bytes, status: int) -> None:
    for bulk in BULKS:
        found = bulk.results(Reply(status, {}, body), ["a", "b", "c"])
        assert len(found) == 3
        assert not (any(each.accepted for each in found) and not 200 <= status < 300)
