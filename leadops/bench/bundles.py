"""The configuration that benches run on."""

from __future__ import annotations

# What a demanding buyer has beyond the plain one: credentials, gzip, 20 rows, five reply rules.
FULL_ENDPOINT = ", compress: true, auth: {type: bearer, token: bench-token-0123456789}"
FULL_ROWS = """
      applicant:
        name: {first: "{{lead.first_name}}", last: "{{lead.last_name}}"}
        phone: '{{format lead.phone_1 "(###) ###-####"}}'
        state: "{{upper lead.state}}"
      fullName: "{{lead.first_name}} {{lead.last_name}}"
      emailHash: '{{hash lead.email "sha256"}}'
      priority: '{{#if lead.score > 70}}HIGH{{else}}NORMAL{{/if}}'
      stateName: '{{lookup lead.state "TX=Texas" "CA=California" default="Other"}}'
      day: '{{format now "YYYY-MM-DD"}}'
      campaign: '{{default source.campaign_id "none"}}'
      leadId: "{{lead.id}}"
      flow: "{{flow.name}}"
      attempt: "{{delivery_attempt}}"
      buyer: "{{recipient.name}}"
"""
FULL_RULES = """
      rules:
        - {status: 4xx, contains: DUP, outcome: duplicate}
        - {contains: duplicate lead, outcome: duplicate}
        - {matches: "(?i)too many", outcome: rate_limited}
        - {when: error.code = "E12", outcome: invalid}
        - {header: X-Result = refused, outcome: rejected}
"""


def one_buyer(url: str, *, full: bool = False) -> str:
    """One source, one flow with a filter and one delivery, one buyer at `url`; `full`: one that
    wants much."""
    endpoint, rows, rules = (FULL_ENDPOINT, FULL_ROWS, FULL_RULES) if full else ("", "", "")
    return f"""
leadops: 1
sources:
  - {{slug: bench, name: Bench, price: 15.00, key: ${{BENCH_SOURCE_KEY}}}}
recipients:
  - slug: buyer
    name: Buyer
    price: 45.00
    endpoint: {{url: "{url}", format: json, timeout: 10s{endpoint}}}
    mapping:
      firstName: "{{{{lead.first_name}}}}"
      lastName: "{{{{lead.last_name}}}}"
      email: "{{{{lead.email}}}}"
      phoneNumber: '{{{{format lead.phone_1 "##########"}}}}'
      stateCode: "{{{{lead.state}}}}"
      sentAt: "{{{{lead.sent_at}}}}"
{rows.strip(chr(10))}
    response:
      success: status = "accepted"
      lead_id: leadId
      price: price
      message: message
{rules.strip(chr(10))}
flows:
  - slug: bench
    name: Bench
    fields:
      email: {{type: email, required: true, privacy: personal}}
      phone_1: {{type: phone, privacy: personal}}
      state: {{type: state}}
    sources:
      - {{source: bench}}
    steps:
      - filter: states
        rules: {{all: [{{field: state, op: in, value: [TX, CA, FL]}}]}}
      - deliver: buyers
        pattern: single
        recipients: [buyer]
"""


def busy_flow(url: str, lookup: str) -> str:
    """The same buyer behind all that a flow may do: ten rules, a kept answer of a service at
    `lookup`, duplicates, a suppression list, caps."""
    rules = ", ".join(
        f"{{field: {field}, op: {op}, value: {value}}}"
        for field, op, value in (
            ("state", "in", "[TX, CA, FL]"),
            ("email", "contains", '"@"'),
            ("email", "not_contains", '"spam"'),
            ("email", "matches", '"example"'),
            ("first_name", "is", "Ann"),
            ("first_name", "is_not", "Bob"),
            ("last_name", "in", "[Example, Other]"),
            ("last_name", "not_in", "[Nobody]"),
            ("sent_at", "gt", "1"),
            ("phone_1", "contains", '"555"'),
        )
    )
    plain = one_buyer(url)
    head, _, steps = plain.partition("    steps:\n")
    guards = """    duplicates: {match: [[email, sent_at]], within: 30d}
    suppress: [bench]
    caps: [{count: 100000000, per: day}]
"""
    service = f"""      - enhance: lookup
        url: {lookup}
        send: {{state: "{{{{lead.state}}}}"}}
        append: {{carrier: carrier}}
        cache: {{for: 1h, key: "{{{{lead.state}}}}"}}
"""
    steps = steps.replace(
        "{all: [{field: state, op: in, value: [TX, CA, FL]}]}", f"{{all: [{rules}]}}"
    ).replace("      - deliver: buyers\n", service + "      - deliver: buyers\n")
    lists = "suppression_lists:\n  - {slug: bench, fields: [email], hashed: false}\n"
    head = head.replace("flows:\n", lists + "flows:\n", 1)
    head = head.replace(
        "    price: 45.00\n", "    price: 45.00\n    caps: [{count: 100000000, per: day}]\n", 1
    )
    return head + guards + "    steps:\n" + steps
