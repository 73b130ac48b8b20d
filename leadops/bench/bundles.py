"""The configuration that benches run on."""

from __future__ import annotations


def one_buyer(url: str) -> str:
    """One source, one flow with a filter and one delivery, one buyer at `url`."""
    return f"""
leadops: 1
sources:
  - {{slug: bench, name: Bench, price: 15.00, key: ${{BENCH_SOURCE_KEY}}}}
recipients:
  - slug: buyer
    name: Buyer
    price: 45.00
    endpoint: {{url: "{url}", format: json, timeout: 10s}}
    mapping:
      firstName: "{{{{lead.first_name}}}}"
      lastName: "{{{{lead.last_name}}}}"
      email: "{{{{lead.email}}}}"
      phoneNumber: '{{{{format lead.phone_1 "##########"}}}}'
      stateCode: "{{{{lead.state}}}}"
      sentAt: "{{{{lead.sent_at}}}}"
    response:
      success: status = "accepted"
      lead_id: leadId
      price: price
      message: message
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
