"""Replies become results: by the examples, by every status, and strictly."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadops.lib.http.messages import Reply
from recipients.outcomes import Category, Outcome, Result
from recipients.responses import (
    ReaderError,
    ReaderSpec,
    RuleSpec,
    compile_reader,
    spec_of,
)
from tests.recipients.responses.replies import reply

JSON_READER = compile_reader(
    ReaderSpec(success='status = "success"', lead_id="leadId", price="price", message="message")
)
XML_READER = compile_reader(
    ReaderSpec(success='//result = "accepted"', lead_id="//id", price="//amount")
)
BARE = compile_reader(ReaderSpec())
JSON_REPLY = """{
  "status": "success",
  "leadId": "ABC123",
  "price": 45.00,
  "message": "Lead accepted"
}"""
XML_REPLY = """<response>
  <result>accepted</result>
  <id>12345</id>
  <amount>45.00</amount>
</response>"""


def read(spec: dict[str, Any], answer: Reply) -> Result:
    return compile_reader(spec_of(spec)).read(answer)


def test_it_reads_the_json_example() -> None:
    result = JSON_READER.read(reply(JSON_REPLY, content_type="application/json"))
    assert result.outcome is Outcome.ACCEPTED
    assert (result.buyer_lead_id, result.price) == ("ABC123", Decimal(45))
    assert (result.message, result.reason) == ("Lead accepted", "")


def test_it_reads_the_xml_example() -> None:
    result = XML_READER.read(reply(XML_REPLY, content_type="text/xml"))
    assert result.outcome is Outcome.ACCEPTED
    assert (result.buyer_lead_id, result.price) == ("12345", Decimal("45.00"))


def test_it_reads_the_response_prefix_of_the_direct_buyer_example() -> None:
    spec = {
        "success": 'status = "accepted"',
        "lead_id": "response.leadId",
        "price": "response.price",
    }
    result = read(spec, reply('{"status": "accepted", "leadId": "L1", "price": 40}'))
    assert (result.outcome, result.buyer_lead_id, result.price) == (
        Outcome.ACCEPTED, "L1", Decimal(40))  # fmt: skip


CODES = {
    "rules": [
        {"status": 200, "contains": "OK", "outcome": "accepted"},
        {"status": 200, "contains": "DUP", "outcome": "duplicate"},
        {"status": 400, "outcome": "invalid"},
        {"status": 401, "outcome": "unauthorized"},
        {"status": 429, "outcome": "rate_limited"},
        {"status": 500, "outcome": "server_error"},
    ],
    "success": 'regex:^OK',
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, "OK 17", Outcome.ACCEPTED),
        (200, "DUP", Outcome.DUPLICATE),
        (200, "dup", Outcome.REJECTED),
        (400, "phone is missing", Outcome.INVALID),
        (401, "", Outcome.UNAUTHORIZED),
        (429, "", Outcome.RATE_LIMITED),
        (500, "OK", Outcome.SERVER_ERROR),
    ],
)
def test_it_reads_the_response_codes_example(status: int, body: str, outcome: Outcome) -> None:
    assert read(CODES, reply(body, status)).outcome is outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply("OK 17"), Outcome.ACCEPTED),
        (reply("Sorry"), Outcome.UNREADABLE),
        (reply(""), Outcome.UNREADABLE),
        (reply(json.dumps({"why": "Too old"})), Outcome.REJECTED),
    ],
)
def test_it_takes_no_2xx_for_a_yes_that_none_of_its_accepting_rules_know(
    answer: Reply, outcome: Outcome
) -> None:
    rules = {"rules": [{"contains": "OK", "outcome": "accepted"}], "reason": "why"}
    assert read(rules, answer).outcome is outcome


def test_it_takes_every_other_2xx_for_a_yes_where_rules_know_refusals_alone() -> None:
    rules = {"rules": [{"contains": "DUP", "outcome": "duplicate"}]}
    assert read(rules, reply("Thanks")).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("status", "outcome", "category"),
    [
        (200, Outcome.ACCEPTED, None),
        (204, Outcome.ACCEPTED, None),
        (299, Outcome.ACCEPTED, None),
        (301, Outcome.UNREADABLE, Category.CONFIGURATION),
        (302, Outcome.UNREADABLE, Category.CONFIGURATION),
        (400, Outcome.INVALID, Category.VALIDATION),
        (401, Outcome.UNAUTHORIZED, Category.AUTHENTICATION),
        (403, Outcome.UNAUTHORIZED, Category.AUTHENTICATION),
        (404, Outcome.INVALID, Category.CONFIGURATION),
        (405, Outcome.INVALID, Category.CONFIGURATION),
        (408, Outcome.SERVER_ERROR, Category.SYSTEM),
        (409, Outcome.DUPLICATE, Category.BUSINESS),
        (418, Outcome.INVALID, Category.CONFIGURATION),
        (422, Outcome.INVALID, Category.VALIDATION),
        (429, Outcome.RATE_LIMITED, Category.RATE_LIMIT),
        (500, Outcome.SERVER_ERROR, Category.SYSTEM),
        (503, Outcome.SERVER_ERROR, Category.SYSTEM),
        (599, Outcome.SERVER_ERROR, Category.SYSTEM),
        (100, Outcome.UNREADABLE, Category.CONFIGURATION),
        (0, Outcome.UNREADABLE, Category.CONFIGURATION),
        (999, Outcome.UNREADABLE, Category.CONFIGURATION),
    ],
)
def test_it_goes_by_the_status_where_nothing_else_decides(
    status: int, outcome: Outcome, category: Category | None
) -> None:
    result = BARE.read(reply("", status))
    assert (result.outcome, result.category) == (outcome, category)
    assert bool(result.reason) is (outcome is not Outcome.ACCEPTED)


@pytest.mark.parametrize("status", [301, 400, 409, 429, 500])
def test_it_never_accepts_outside_2xx(status: int) -> None:
    assert JSON_READER.read(reply(JSON_REPLY, status)).outcome is not Outcome.ACCEPTED
    lenient = {"rules": [{"contains": "success", "outcome": "accepted"}]}
    assert read(lenient, reply(JSON_REPLY, status)).outcome is not Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [
        ('{"status": "denied"}', Outcome.REJECTED, 'Success rule not met: status = "denied"'),
        ('{"status": "Success"}', Outcome.REJECTED, 'Success rule not met: status = "Success"'),
        ('{"status": "no", "message": "Too old"}', Outcome.REJECTED, "Too old"),
        ('{"status": null}', Outcome.REJECTED, 'Success rule not met: status = "success"'),
        ('{"state": "success"}', Outcome.UNREADABLE, "The reply was not understood"),
        ("{}", Outcome.UNREADABLE, "The reply was not understood"),
        ('{"status": "succ', Outcome.UNREADABLE, "The reply was not understood"),
        ("<html>Welcome</html>", Outcome.UNREADABLE, "The reply was not understood"),
        ("", Outcome.UNREADABLE, "The reply was not understood"),
        ("\x00\xff", Outcome.UNREADABLE, "The reply was not understood"),
    ],
)
def test_it_tells_a_no_from_what_it_does_not_understand(
    body: str, outcome: Outcome, reason: str
) -> None:
    result = JSON_READER.read(reply(body))
    assert (result.outcome, result.reason) == (outcome, reason)


HALF = 'status = "accepted" and leadId'


@pytest.mark.parametrize(
    ("success", "body", "outcome"),
    [
        (HALF, '{"status": "accepted", "leadId": "x"}', Outcome.ACCEPTED),
        (HALF, '{"status": "accepted"}', Outcome.UNREADABLE),
        (HALF, '{"status": "accepted", "leadId": null}', Outcome.UNREADABLE),
        (HALF, '{"status": "accepted", "leadId": ""}', Outcome.UNREADABLE),
        (HALF, '{"status": "accepted", "leadId": false}', Outcome.REJECTED),
        (HALF, '{"status": "denied"}', Outcome.REJECTED),
        (HALF, '{"status": "denied", "leadId": "x"}', Outcome.REJECTED),
        (HALF, '{"leadId": "x"}', Outcome.UNREADABLE),
        (HALF, "<r><status>accepted</status><leadId/></r>", Outcome.UNREADABLE),
        (f'{HALF} or status = "matched"', '{"status": "accepted"}', Outcome.UNREADABLE),
        ('status = "a" and error != "x"', '{"status": "a"}', Outcome.UNREADABLE),
        ('status = "a" or result = "a"', '{"status": "b"}', Outcome.REJECTED),
        ("leadId", '{"leadId": null}', Outcome.REJECTED),
        ("regex:^OK and regex:id=1", "OK id=2", Outcome.REJECTED),
    ],
)
def test_it_takes_half_a_yes_for_no_no(success: str, body: str, outcome: Outcome) -> None:
    assert read({"success": success, "reason": "error"}, reply(body)).outcome is outcome


@pytest.mark.parametrize(
    "spec",
    [{"success": HALF}, {"rules": [{"status": "200", "when": HALF, "outcome": "accepted"}]}],
)
def test_it_says_what_half_a_yes_lacks(spec: dict[str, Any]) -> None:
    result = read({**spec, "reason": "message"}, reply('{"status": "accepted", "message": "Hi"}'))
    assert result.outcome is Outcome.UNREADABLE
    assert "Nothing at leadId" in result.details


def test_it_says_why_a_reply_did_not_parse() -> None:
    assert "Not valid JSON" in JSON_READER.read(reply('{"a": ')).details


@pytest.mark.parametrize(
    ("success", "body", "accepted"),
    [
        ('status == "a"', '{"status": "a"}', True),
        ("status = a", '{"status": "a"}', True),
        ("status = 'a b'", '{"status": "a b"}', True),
        ('status != "error"', '{"status": "a"}', True),
        ('status != "error"', '{"status": "error"}', False),
        ('status != "error"', "{}", False),
        ("code = 0", '{"code": 0}', True),
        ("code = 1", '{"code": "1"}', True),
        ("price > 10", '{"price": 45.0}', True),
        ("price > 10", '{"price": "9"}', False),
        ("price >= 45", '{"price": 45}', True),
        ("code < 5", '{"code": 7}', False),
        ("ok = true", '{"ok": true}', True),
        ("ok", '{"ok": true}', True),
        ("ok", '{"ok": false}', False),
        ("ok", '{"ok": "false"}', False),
        ("ok", '{"ok": 0}', False),
        ("id", '{"id": "x"}', True),
        ('status ~ "^acc"', '{"status": "accepted"}', True),
        ('status ~ "^ACC"', '{"status": "accepted"}', False),
        ('status = "a" and code = 0', '{"status": "a", "code": 0}', True),
        ('status = "a" and code = 0', '{"status": "a", "code": 1}', False),
        ('status = "b" or status = "a"', '{"status": "a"}', True),
        ('a = "x" and b = "y" or c', '{"c": 1}', True),
        ('status = "a and b"', '{"status": "a and b"}', True),
        ('results.*.status = "a"', '{"results": [{"status": "b"}, {"status": "a"}]}', True),
        ('//r = "a"', "<x><r>a</r></x>", True),
        ("//r[@s='a']", "<x><r s='a'>1</r></x>", True),
        ("//r/@s = 'a'", "<x><r s='a'/></x>", True),
        ('r = "a"', "<x><r>a</r></x>", True),
        ("count(//e) = 0", "<x/>", True),
        ('css:.s = "Thanks"', "<html><p class='s'>Thanks</p></html>", True),
        ("css:.s", "<html><p class='s'>Thanks</p></html>", True),
        ('regex:status=(\\w+) = "ok"', "status=ok&id=1", True),
        ("regex:^OK", "OK", True),
        ("header:X-Result = yes", "", True),
    ],
)
def test_it_decides_the_success_condition(success: str, body: str, accepted: bool) -> None:
    result = read({"success": success}, reply(body, X_Result="yes"))
    assert result.accepted is accepted


@pytest.mark.parametrize(
    ("rule", "answer", "applies"),
    [
        ({"status": "200"}, reply(), True),
        ({"status": "2xx"}, reply(status=204), True),
        ({"status": "200-299"}, reply(status=300), False),
        ({"status": "400, 404"}, reply(status=404), True),
        ({"contains": "DUP"}, reply("a DUP b"), True),
        ({"contains": "DUP"}, reply("a dup b"), False),
        ({"matches": "(?i)dup"}, reply("a DUP b"), True),
        ({"matches": "^dup$"}, reply("a dup b"), False),
        ({"when": 'error.code = "D1"'}, reply('{"error": {"code": "D1"}}'), True),
        ({"when": "error.code > 5"}, reply('{"error": {"code": 5}}'), False),
        ({"header": "X-Dup"}, reply(x_dup="1"), True),
        ({"header": "X-Dup: 1"}, reply(x_dup="1"), True),
        ({"header": "X-Dup: 2"}, reply(x_dup="1"), False),
        ({"status": 200, "contains": "DUP"}, reply("DUP", 500), False),
    ],
)
def test_it_applies_a_rule(rule: dict[str, Any], answer: Reply, applies: bool) -> None:
    result = read({"rules": [{**rule, "outcome": "duplicate"}]}, answer)
    assert (result.outcome is Outcome.DUPLICATE) is applies


def test_the_first_rule_that_applies_decides() -> None:
    spec = {"success": "ok", "rules": [{"contains": "x", "outcome": "rejected", "reason": "ours"},
                                       {"contains": "x", "outcome": "duplicate"}]}  # fmt: skip
    result = read(spec, reply('{"ok": true, "message": "x"}'))
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "ours")


@pytest.mark.parametrize(
    ("spec", "body", "reason"),
    [
        (
            {"reason": "errors.*.message"},
            '{"errors": [{"message": "a"}, {"message": "b"}]}',
            "a; b",
        ),
        ({"reason": "errors"}, '{"errors": ["a", "b", "a"]}', "a; b"),
        ({"reason": "x | y"}, '{"y": "b", "x": "a"}', "a; b"),
        ({"reason": "x", "message": "m"}, '{"m": "said"}', "said"),
        ({"reason": "//error"}, "<r><error>a</error><error>b</error></r>", "a; b"),
        ({}, '{"error": {"message": "bad"}}', "bad"),
        ({}, '{"detail": "bad"}', "bad"),
        ({}, "phone is   missing", "phone is missing"),
        ({}, "<html><h1>Error</h1></html>", "Invalid data"),
        ({"reason": "x"}, '{"x": {"deep": 1}}', '{"deep":1}'),
    ],
)
def test_it_gives_the_reason_in_the_buyers_words(
    spec: dict[str, Any], body: str, reason: str
) -> None:
    assert read(spec, reply(body, 422)).reason == reason


@pytest.mark.parametrize(
    ("body", "price"),
    [
        ('{"price": 45.5}', Decimal("45.5")),
        ('{"price": 0}', Decimal(0)),
        ('{"price": "0.00"}', Decimal(0)),
        ('{"price": "$1,045.50"}', Decimal("1045.50")),
        ('{"price": "12.50 USD"}', Decimal("12.50")),
        ('{"price": ".5"}', Decimal("0.5")),
        ("{}", Decimal("9.99")),
        ('{"price": null}', Decimal("9.99")),
        ('{"price": ""}', Decimal("9.99")),
        ('{"price": -1}', None),
        ('{"price": "NaN"}', None),
        ('{"price": "45,50"}', None),
        ('{"price": 1e30}', None),
        ('{"price": true}', None),
        ('{"price": [1]}', None),
    ],
)
def test_it_reads_the_price(body: str, price: Decimal | None) -> None:
    result = read({"price": "price", "fallback_price": "9.99"}, reply(body))
    assert result.price == price
    assert ("price" in result.details) is (price is None)


def test_it_takes_the_fallback_price_from_the_reply_too() -> None:
    spec = {"price": "price", "fallback_price": "bid"}
    assert read(spec, reply('{"bid": "7"}')).price == Decimal(7)
    assert read(spec, reply("{}")).price is None


def test_it_gives_no_price_to_what_is_not_accepted() -> None:
    assert read({"price": "price"}, reply('{"price": 5}', 409)).price is None


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", None),
        ("-5", None),
        ("100000", 300.0),
        ("1.5", 1.5),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 09:00:00 GMT", 300.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", None),
        ("Thu, 99 Foo 2026", None),
    ],
)
def test_it_reads_retry_after(header: str, seconds: float | None) -> None:
    assert BARE.read(reply("", 429, Retry_After=header), now=NOW).retry_after == seconds


def test_it_captures_by_name_and_bounds_what_it_reads() -> None:
    spec = {"lead_id": "id", "reason": "r", "message": "r", "success": "never",
            "capture": {"tier": "t", "server": "header:Server", "long": "r"}}  # fmt: skip
    body = '{"id": "' + "i" * 999 + '", "r": "' + "r" * 9999 + '", "t": ["a", "b"], "never": 0}'
    result = read(spec, reply(body, Server="nginx"))
    assert result.captures == {"tier": "a; b", "server": "nginx", "long": "r" * 500}
    assert (len(result.buyer_lead_id), len(result.reason), len(result.message)) == (200, 500, 500)


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"rules": [{"status": 200, "outcome": "sold"}]}, "rules.0.outcome", "Unknown outcome"),
        ({"rules": [{"status": 200}]}, "rules.0.outcome", "missing"),
        ({"rules": [{"outcome": "rejected"}]}, "rules.0", "no condition"),
        ({"rules": [{"status": "6xx", "outcome": "rejected"}]}, "rules.0.status", "no status"),
        ({"rules": [{"status": "299-200", "outcome": "rejected"}]}, "rules.0.status", "ends"),
        ({"rules": [{"status": 302, "outcome": "accepted"}]}, "rules.0.status", "never accepted"),
        ({"rules": [{"contains": "a", "outcome": "rejected"},
                    {"matches": "(a+)+$", "outcome": "rejected"}]}, "rules.1.matches", "for ever"),
        ({"rules": [{"matches": "(", "outcome": "rejected"}]}, "rules.0.matches", "valid pattern"),
        ({"rules": [{"when": "a = ", "outcome": "rejected"}]}, "rules.0.when", ""),
        ({"rules": [{"header": "a b", "outcome": "rejected"}]}, "rules.0.header", "header"),
        ({"rules": [{"stat": 1, "outcome": "rejected"}]}, "rules.0.stat", "Unknown key"),
        ({"rules": "x"}, "rules", "list"),
        ({"succes": "x"}, "succes", "Unknown key"),
        ({"success": '//a[ = "x"'}, "success", ""),
        ({"success": 'a = "x" and '}, "success", ""),
        ({"success": "a = b c"}, "success", "quotes"),
        ({"success": 'a ~ "(a+)+$"'}, "success", "for ever"),
        ({"lead_id": "a..b"}, "lead_id", "no path"),
        ({"price": "//a["}, "price", "XPath"),
        ({"fallback_price": "-5"}, "fallback_price", "below zero"),
        ({"capture": {"x": "css:["}}, "capture.x", "CSS"),
        ({"message": ["a"]}, "message", "text"),
    ],
)  # fmt: skip
def test_it_says_where_a_rule_is_wrong(spec: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ReaderError) as caught:
        compile_reader(spec_of(spec))
    assert caught.value.path == path
    assert message in caught.value.message


def test_it_knows_whether_anything_says_what_success_is() -> None:
    assert BARE.is_bare
    assert not JSON_READER.is_bare
    assert not compile_reader(ReaderSpec(rules=(RuleSpec("accepted", contains="OK"),))).is_bare


FULL = compile_reader(
    ReaderSpec(
        success='status = "a" or //r = "a" or regex:^OK$ or css:.x = "a" or header:x > 1',
        lead_id="id | //id", price="price", fallback_price="//p", message="message",
        reason="errors.*.m | errors", capture={"c": "a.*.0.c", "d": "css:a@href"},
        rules=(
            RuleSpec("duplicate", contains="DUP"),
            RuleSpec("rejected", when='a.b ~ "x+"', header="x"),
            RuleSpec("rate_limited", matches="(?i)slow", status="2xx"),
        ),
    )
)  # fmt: skip
BODIES = (
    st.binary(max_size=200)
    | st.text(alphabet='{}[]":,<>/a= &;!?\x00\\u0039e', max_size=80).map(
        lambda text: text.encode("utf-8", "replace"))
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["status", "id", "price", "errors", "a", "b", "m", "message"]), inner),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode())
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(
    BODIES,
    st.integers(0, 999),
    st.sampled_from(["", "application/json", "text/xml", "text/html; charset=utf-16", "x\0"]),
    st.text(max_size=20),
)
def test_it_never_raises(body: bytes, status: int, content_type: str, header: str) -> None:
    headers = {"content-type": content_type, "x": header, "retry-after": header}
    for reader in (FULL, JSON_READER, XML_READER, BARE):
        result = reader.read(Reply(status, headers, body))
        assert isinstance(result.outcome, Outcome)
        assert not (result.accepted and not 200 <= status < 300)


def test_it_reads_a_json_reply_in_under_100_microseconds() -> None:
    answer = reply(JSON_REPLY, content_type="application/json")
    assert _fastest(JSON_READER, answer) < 100e-6


def test_it_reads_an_xml_reply_in_under_300_microseconds() -> None:
    assert _fastest(XML_READER, reply(XML_REPLY, content_type="text/xml")) < 300e-6


def _fastest(reader: Any, answer: Reply) -> float:
    """Seconds of one reading, the best of several rounds: what the code costs."""
    rounds = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(20):
            reader.read(answer)
        rounds.append((time.perf_counter() - began) / 20)
    return min(rounds)
