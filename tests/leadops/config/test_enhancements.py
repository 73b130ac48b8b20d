"""`enhance` steps in the bundle: loaded, written back, mistakes told with line and path."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flows.models import Enhancement, Step
from leadops.config import loading
from tests.leadops.config.bundles import CONTRACT, changed, line_of, load, mistakes

pytestmark = pytest.mark.django_db

SHORT = """      - enhance: phone_check
        url: http://127.0.0.1:9100/lookup
        send: {phone: "{{lead.phone_1}}"}
        append: {carrier: carrier}
        timeout: 5s
"""
LONG = """      - enhance: phone_check
        url: https://api.example.com/v2/phones/{{lead.phone_1}}
        method: GET
        format: query
        headers: {X-Request-ID: "{{lead.id}}"}
        auth: {type: bearer, token: ${BUYER_TOKEN}}
        send: {state: "{{lead.state}}"}
        append: {carrier: carrier.name, line: {path: type, privacy: personal}}
        success: status = "ok"
        reason: error.message
        timeout: 2s
        when: {all: [{field: state, op: in, value: [TX, CA]}]}
        cache: {for: 24h, key: "{{lead.phone_1}}"}
        cost: 0.0125
        test_leads: skip
        on_fail: stop
"""


def with_step(step: str) -> str:
    return changed("      - deliver", step + "      - deliver")


def test_it_loads_the_contract_s_step() -> None:
    load(with_step(SHORT))
    row = Enhancement.objects.get()
    assert (row.url, row.send, row.append) == (
        "http://127.0.0.1:9100/lookup",
        {"phone": "{{lead.phone_1}}"},
        {"carrier": "carrier"},
    )
    assert (row.timeout, row.on_fail, row.cost) == (5.0, "continue", 0)


def test_it_writes_what_it_loaded() -> None:
    load(with_step(LONG))
    row = Enhancement.objects.get()
    assert row.cost == Decimal("0.0125")
    assert (row.cache_for, row.auth, row.auth_secret) == (86400.0, "bearer", "${BUYER_TOKEN}")
    written = loading.dump()
    assert "cost: 0.0125" in written
    assert "${BUYER_TOKEN}" in written
    assert load(written) == []
    assert loading.dump() == written


def test_loading_twice_changes_nothing() -> None:
    load(with_step(LONG))
    assert load(with_step(LONG)) == []


def test_a_step_that_becomes_a_filter_forgets_its_service() -> None:
    load(with_step(SHORT))
    rules = "{all: [{field: state, op: is, value: TX}]}"
    load(with_step(f"      - filter: phone_check\n        rules: {rules}\n"))
    assert Step.objects.get(name="phone_check").kind == "filter"
    assert not Enhancement.objects.exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("append: {carrier: carrier}", "append: {carrier: {paths: x}}",
         "append.carrier.paths: Unknown key 'paths'; there is: path, privacy"),
        ("append: {carrier: carrier}", "append: {carrier: {path: x, privacy: secret}}",
         "append.carrier.privacy: 'secret' is none of: plain, personal, sensitive"),
        ("append: {carrier: carrier}", "append: {carrier: 'a..b'}", "append.carrier: "),
        ("        append: {carrier: carrier}\n", "", "steps[1]: Say what is appended"),
        ("url: http://127.0.0.1:9100/lookup", "url: lookup", "url: Write a whole address"),
        ("        url: http://127.0.0.1:9100/lookup\n", "", "steps[1]: Say where it is asked"),
        ("{{lead.phone_1}}", "{{lead.phone_1", "send.phone: {{ is not closed by }}"),
        ("timeout: 5s", "timeout: 2m", "timeout: Between 1ms and 60s: the lead waits for it"),
        ("timeout: 5s", "service: nobodys", "service: 'nobodys' is no service; there is: "),
        ("timeout: 5s", "cache: {key: x}", "cache: Say for how long answers are kept"),
        ("timeout: 5s", "cost: -1", "cost: -1 is below zero"),
        ("timeout: 5s", "on_fail: halt", "on_fail: “halt” is not possible"),
        ("timeout: 5s", "auth: {type: bearer}", "auth: The key token is missing"),
        ("timeout: 5s", "when: {all: [{field: state, op: inn, value: [TX]}]}",
         "when.all[0].op: “inn” is not an operator; did you mean in?"),
        ("timeout: 5s", "success: status =", "success: "),
        ("enhance: phone_check", "enhance: buyers", "stands here twice"),
    ],
)  # fmt: skip
def test_it_tells_a_mistake_with_its_line_and_path(old: str, new: str, message: str) -> None:
    assert old in SHORT
    text = with_step(SHORT.replace(old, new))
    found = [line for line in mistakes(text) if message in line]
    assert found, mistakes(text)
    first = line_of("- enhance:", text)
    assert first <= int(found[0].split(":")[1]) <= first + 6 or "twice" in message
    assert "flows[0].steps[" in found[0]


def test_the_contract_itself_still_loads() -> None:
    load(CONTRACT)
    assert not Enhancement.objects.exists()
