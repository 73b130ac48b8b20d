"""Every mistake is told with its line and its path, all of a file together."""

# ruff: noqa: E501  # tables: a line each

from __future__ import annotations

import pytest

from recipients.models import Recipient
from tests.leadops.config.bundles import CONTRACT, changed, line_of, load, mistakes

pytestmark = pytest.mark.django_db

# What stands in the contract's example, what stands there instead, and the message.
CASES = [
    ("leadops: 1", "leadops: 2", "leadops: Version 2 is not available; write leadops: 1"),
    ("sources:", "sorces:", "sorces: Unknown key; did you mean sources?"),
    ("role: ops", "role: opps", "accounts[0].role: “opps” is not possible; did you mean ops?"),
    ("recipients: [abc-insurance]}", "recipients: [abc-insurence]}",
     "accounts[1].recipients[0]: There is no recipient abc-insurence; did you mean abc-insurance?"),
    ("slug: web-form-a", "slug: web form a",
     "sources[0].slug: Enter a valid “slug” consisting of letters, numbers, underscores or hyphens"),
    ("price: 15.00      ", "price: -1         ", "sources[0].price: -1 is below zero"),
    ("price: 15.00      ", "price: [15]       ", "sources[0].price: Expected a text, found a list"),
    ("price: 15.00      ", "price: 1.23456    ",
     "sources[0].price: 1.23456 has more than 4 places after the point"),
    ("{campaign_id: winter_2024}", "{campaign_id: [winter]}",
     "sources[0].fields: campaign_id: only texts, numbers and booleans"),
    ("{campaign_id: winter_2024}", "[winter]",
     "sources[0].fields: Expected an object of keys and values, found a list"),
    ("kinds: [conversion, return]", "kinds: [conversions]",
     "sources[0].feedback.kinds: A list of kinds: conversion, return, contacted, quality, "
     "disposition, other"),
    ("feedback: {url:", "feedback: {urls:", "sources[0].feedback.urls: Unknown key; did you mean url?"),
    ("currency: USD", "currency: usd", "flows[0].currency: Three capitals, e.g. USD"),
    ("phone_1: {type: phone, ", "phone_1: {type: fone, ", "flows[0].fields.phone_1.type: 'fone' is no field type"),
    ("state: {type: state}", "id: {type: state}", "flows[0].fields.id: id is a word of the system"),
    ("state: {type: state}", "email: {type: state}", "flows[0].fields.email: The key stands here twice, first in line "),
    ("within: 30d", "within: 30 moons", "flows[0].duplicates.within: “30 moons” is not a duration"),
    (", within: 30d", "", "flows[0].duplicates: Say within which time, e.g. 30d"),
    ("{source: web-form-a, ", "{source: web-form-b, ",
     "flows[0].sources[0].source: There is no source web-form-b; did you mean web-form-a?"),
    ("op: in, value: [TX, CA, FL]", "op: inn, value: [TX, CA, FL]",
     "flows[0].steps[0].rules.all[0].op: “inn” is not an operator; did you mean in?"),
    ("on_fail: stop", "on_fail: halt", "flows[0].steps[0].on_fail: “halt” is not possible; known here: stop, continue"),
    ("- filter: geographic_filter", "- filtre: geographic_filter",
     "flows[0].steps[0]: A step begins with filter, enhance or deliver and its name"),
    ("deliver: buyers", "deliver: geographic_filter", "flows[0].steps[1].deliver: geographic_filter stands here twice"),
    ("pattern: waterfall", "pattern: waterfal", "flows[0].steps[1].pattern: 'waterfal' is no pattern"),
    ("remediation: bulk-pool", "remediation: [x]", "flows[0].steps[1].remediation: Expected a text"),
    ("remediation: bulk-pool", "remediation: bulk", "flows[0].steps[1].remediation: There is no recipient bulk"),
    ("order: listed", "order: longest", "flows[0].steps[1].order: 'longest' is no order"),
    ("order: listed", "learn: {over: 7d}\n        order: listed", "flows[0].steps[1].learn.over: Of the orders only these learn: best_price, weighted"),
    ("weight: 2}", "weight: -2}", "flows[0].steps[1].recipients[1].weight: Ensure this value is greater than or equal to 0"),
    ("weight: 2}", "weight: 2, after: 24h}", "flows[0].steps[1].recipients[1].after: Waterfall has no tiers: all are open at once."),
    ("weight: 2}", "weight: heavy}", "flows[0].steps[1].recipients[1].weight: “heavy” is not a number"),
    ("weight: 2}", "weight: 2}, abc-insurance", "flows[0].steps[1].recipients[2]: abc-insurance stands here twice"),
    ("type: buyer  ", "type: byer   ", "recipients[0].type: “byer” is not possible; did you mean buyer?"),
    ("timezone: America/New_York", "timezone: America/York", "recipients[0].timezone: 'America/York' is no time zone"),
    ("integration: http\n", "integration: htp\n", "recipients[0].integration: 'htp' is no integration"),
    ("url: https://api.abc", "url: api.abc", "recipients[0].endpoint.url: Write a whole address"),
    ("method: POST", "method: PUSH", "recipients[0].endpoint.method: “PUSH” is not possible"),
    ("method: POST", "methd: POST", "recipients[0].endpoint.methd: Unknown key; did you mean method?"),
    ("timeout: 10s", "timeout: 10m", "recipients[0].endpoint.timeout: Between 1ms and 120s"),
    ("compress: false", "compress: no", "recipients[0].endpoint.compress: Expected true or false, found a text"),
    ("{X-Request-ID: \"", "{X Request: \"", "recipients[0].endpoint.headers.X Request: 'X Request' cannot name"),
    ("{X-Request-ID: \"", "{Host: \"", "recipients[0].endpoint.headers.Host: Host is set by LeadOps itself"),
    ("type: bearer, token: ${BUYER_TOKEN}", "type: bearer", "recipients[0].endpoint.auth: The key token is missing"),
    ("type: bearer, token: ${BUYER_TOKEN}", "type: oauth2", "recipients[0].endpoint.auth: The key client_id is missing"),
    ("type: bearer, token: ${BUYER_TOKEN}", "type: barer", "recipients[0].endpoint.auth.type: “barer” is no authentication"),
    ("token: ${BUYER_TOKEN}", "token: ${NOBODY}", "recipients[0].endpoint.auth.token: ${NOBODY} is neither in"),
    ("backup: {url:", "backup: {address:", "recipients[0].backup.address: Unknown key"),
    ("{when: {field: region, op: is, ", "{when: {field: region, op: iz, ", "recipients[0].regional[0].when.op: “iz” is not an operator"),
    ('{first: "{{lead.first_name}}"}}', '{first: "{{lead.first_name"}}', "recipients[0].mapping.applicant.name.first: {{ is not closed"),
    ('success: status = "accepted"', "success: status ==", "recipients[0].response.success: "),
    ("price: price\n", "price: //[\n", "recipients[0].response.price: "),
    ("{status: 5xx, outcome", "{status: 9xx, outcome", "recipients[0].response.rules[1].status: '9xx' is no status"),
    ("{status: 5xx, outcome", "{matches: (a+)+$, outcome", "recipients[0].response.rules[1].matches: This pattern can take for ever"),
    ("{status: 5xx, outcome: server_error}", "{outcome: server_error}", "recipients[0].response.rules[1]: A rule needs a condition"),
    ("{status: 5xx, outcome: server_error}", "{status: 5xx}", "recipients[0].response.rules[1]: The key outcome is missing"),
    ("{status: 5xx, outcome: server_error}", "{status: 5xx, outcome: bad}", "recipients[0].response.rules[1].outcome: “bad” is not possible"),
    ("{server_error: {times", "{servererror: {times", "recipients[0].retry.servererror: “servererror” is not possible; did you mean server_error?"),
    ("then: retry_same", "then: again", "recipients[0].retry.unknown.then: “again” is not possible"),
    ("{server_error: {times: 3", "{server_error: {times: 99", "recipients[0].retry.server_error.times: "),
    ("{server_error: {times: 3", "{server_error: {times: 3.5", "recipients[0].retry.server_error.times: Expected a whole number, found the number 3.5"),
    ("slug: premier\n", "slug: abc-insurance\n", "recipients[1].slug: recipient abc-insurance stands here twice"),
    ("metric: delivery_rate", "metric: delivery_rat", "alerts[0].metric: “delivery_rat” is not possible; did you mean delivery_rate?"),
    ("below: 90%", "above: 1, below: 2", "alerts[0]: Set one bound: below or above"),
    ("below: 90%", "below: lots", "alerts[0].below: “lots” is no bound"),
    ("notify: [ops]", "notify: [opz]", "alerts[0].notify[0]: There is no channel opz; did you mean ops?"),
    ("notify: [ops]", "notify: ops", "alerts[0].notify: Expected a list, found a text"),
    ("mailto://ops@example.com", "ops", "channels[0].url: Write mailto://"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), CASES, ids=[case[2][:60] for case in CASES])
def test_it_tells_a_mistake_with_its_line_and_path(old, new, message):
    text = changed(old, new)
    found = [line for line in mistakes(text) if message in line]
    assert found, mistakes(text)
    before = CONTRACT[: CONTRACT.index(old)].count("\n") + 1
    assert int(found[0].split(":")[1]) in (before, before - 1)
    assert not Recipient.objects.exists()


def test_the_models_own_checks_are_told_where_they_belong():
    text = changed("pattern: waterfall", "pattern: multi")
    line = line_of("remediation:", text)
    assert mistakes(text)[0].startswith(f"b.yaml:{line}: flows[0].steps[1].remediation: ")


def test_it_tells_all_mistakes_of_a_file_in_order_of_lines():
    text = changed("role: ops", "role: opps")
    text = changed("method: POST", "method: PUSH", text)
    text = changed("below: 90%", "below: lots", text)
    lines = [int(line.split(":")[1]) for line in mistakes(text)]
    assert len(lines) == 3
    assert lines == sorted(lines)


def test_a_mistake_in_a_block_mapping_is_told_at_its_own_line():
    text = "leadops: 1\nrecipients:\n  - slug: a\n    name: A\n    mapping: |\n      x: {{lead.x}}\n      y: {{nohelp lead.y}}\n"
    assert mistakes(text) == ["b.yaml:7: recipients[0].mapping: Unknown helper 'nohelp'"]


@pytest.mark.parametrize(
    "text",
    [
        "just text",
        "[1, 2]",
        "leadops: 1\nsources: {a: b}",
        "leadops: 1\nsources: [1, null, [x]]",
        "leadops: 1\nsources: [{slug: [x]}]",
        "leadops: 1\nsources: [{slug: null, name: x}]",
        "leadops: 1\nflows: [{slug: f, name: F, steps: {a: b}, fields: [x], sources: x}]",
        "leadops: 1\nflows: [{slug: f, name: F, steps: [x, {}, {filter: [x]}, {deliver: null}]}]",
        "leadops: 1\nflows: [{slug: f, name: F, duplicates: {match: [email], within: 1d}}]",
        "leadops: 1\nrecipients: [{slug: r, name: R, endpoint: x, mapping: [x], response: [x]}]",
        "leadops: 1\nrecipients: [{slug: r, name: R, retry: [x], regional: {a: b}, key: [x]}]",
        "leadops: 1\nrecipients: [{slug: r, name: R, endpoint: {url: 'http://x', auth: [x]}}]",
        "leadops: 1\nrecipients: [{slug: r, name: R, endpoint: {url: 'http://x', headers: x}}]",
        "leadops: 1\nrecipients: [{slug: r, name: R, mapping: {'': x}}]",
        "leadops: 1\nrecipients: [{slug: r, name: R, mapping: {a: x, a.b: y, 'a\\.b': z}}, 3]",
        "leadops: 1\nrecipients: [{slug: r, name: R, response: {capture: [x], rules: {a: b}}}]",
        "leadops: 1\nrecipients: [{slug: r, name: R, filter: {field: 3}, price: 99999999999}]",
        "leadops: 1\naccounts: [{username: [x], role: ops}, {username: x}, {username: ' ', role: x}]",
        "leadops: 1\nalerts: [{name: n, metric: revenue, below: .inf}]",
        "leadops: 1\nalerts: [{name: n, metric: revenue, below: 1, minimum: -5}]",
        "leadops: 1\nalerts: [{name: n, metric: revenue, below: 1, minimum: 99999999999999}]",
        "leadops: true",
        "leadops: '1'",
        "sources: []",
    ],
)  # fmt: skip
def test_it_refuses_what_makes_no_sense_without_stumbling(text):
    assert mistakes(text)


def test_a_bundle_may_say_nothing():
    assert load("leadops: 1") == []
    assert load("leadops: 1\nsources:\nflows: []\n") == []


NESTED = """\
leadops: 1
recipients:
  - slug: a
    name: A
    filter: {all: [{field: state, op: inn, value: [TX]}, {any: [{field: "", op: is, value: 1}]}]}
    caps:
      - {count: 5, per: day, when: {all: [{field: b, op: isnt, value: 1}, {any: []}]}}
    endpoint: {url: https://a.example/leads}
    mapping: {email: "{{lead.email}}"}
    response:
      rules:
        - {outcome: rejectd, status: 9xx}
"""


def test_every_mistake_of_a_nested_rule_is_told_and_each_once() -> None:
    told = [line.split(": ", 2) for line in mistakes(NESTED)]
    assert [(path, text.split("”")[0]) for _, path, text in told] == [
        ("recipients[0].filter.all[0].op", "“inn"),
        ("recipients[0].filter.all[1].any[0].field", "names a field"),
        ("recipients[0].caps[0].when.all[0].op", "“isnt"),
        ("recipients[0].caps[0].when.all[1].any", "needs at least one rule"),
        ("recipients[0].response.rules[0].outcome", "“rejectd"),
        ("recipients[0].response.rules[0].status", "'9xx' is no status: write 200, 5xx or 200-299"),
    ]
