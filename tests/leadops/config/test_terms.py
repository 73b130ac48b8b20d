"""Terms of sources in a bundle."""

from __future__ import annotations

import pytest

from flows.models import FlowSource, Source
from leadops.config import loading
from tests.leadops.config.bundles import changed, line_of, load, mistakes

pytestmark = pytest.mark.django_db

BUNDLE = """
leadops: 1
sources:
  - slug: web
    name: Web
    price: 15.00
    aliases: {fname: first_name, contact.phone: phone_1}
    require: [phone_1]
    allowed_ips: [203.0.113.0/24, 2001:db8::/32]
    prices: [{when: {field: state, op: is, value: TX}, price: 12}, {percent: -5}]
    open_submit: true
    allowed_origins: [https://www.example.com]
    redirect_hosts: [www.example.com, "*.example.org"]
recipients:
  - slug: abc
    name: Abc
    price: 45.00
    endpoint: {url: "https://abc.example/leads"}
    prices:
      - {when: {field: volume.month, op: gt, value: 1000}, add: -2}
      - {when: {field: quality.7d.return_rate, op: gt, value: 0.1}, percent: -7.5}
flows:
  - slug: auto
    name: Auto
    fields: {email: {type: email, required: true}, phone_1: phone, state: state}
    sources:
      - source: web
        aliases: {surname: last_name}
        require: [state]
        allowed_ips: [127.0.0.0/8]
        prices:
          - {when: {all: [{field: state, op: in, value: [TX, CA]}]}, price: 12.5}
          - {price: 8}
        pricing:
          url: https://prices.example/quote
          headers: {X-Key: "${PRICING_KEY}"}
          send: {zip: "{{lead.postal_code}}"}
          price: offer.price
          timeout: 1500ms
          max_price: 30
          fallback: 5
"""


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("PRICING_KEY", "top-secret-1")


def test_they_come_in_and_go_out_alike():
    assert load(BUNDLE) == ["+ source web", "+ recipient abc", "+ flow auto"]
    dump = loading.dump()
    assert "top-secret-1" not in dump
    assert "X-Key: ${PRICING_KEY}" in dump
    assert "price: 12.50" in dump
    assert "add: -2.00" in dump
    assert "percent: -7.50" in dump
    assert load(dump) == []
    assert load(BUNDLE) == []
    row = FlowSource.objects.get()
    assert row.prices[1] == {"when": {}, "price": "8.00"}
    assert row.pricing["max_price"] == "30.00"
    assert Source.objects.get().open_submit


def test_what_a_file_no_longer_says_is_gone():
    load(BUNDLE)
    load(changed("    open_submit: true\n", "", changed("    require: [phone_1]\n", "", BUNDLE)))
    source = Source.objects.get()
    assert (source.open_submit, source.require) == (False, [])


def test_a_price_alone_changes_that_flow():
    load(BUNDLE)
    assert len(load(changed("price: 8}", "price: 9}", BUNDLE))) > 0
    assert FlowSource.objects.get().prices[1]["price"] == "9.00"


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("fname: first_name", "fname: First", "sources[0].aliases.fname"),
        ("fname: first_name", "id: source", "sources[0].aliases.id"),
        ("require: [phone_1]", "require: [1]", "sources[0].require[0]"),
        ("203.0.113.0/24", "203.0.113.1/24", "sources[0].allowed_ips[0]"),
        ("op: is", "op: iz", "sources[0].prices[0].when.op"),
        ("price: 8}", "price: -8}", "flows[0].sources[0].prices[1].price"),
        ("timeout: 1500ms", "timeout: 60s", "flows[0].sources[0].pricing.timeout"),
        ("price: offer.price", "pric: x", "flows[0].sources[0].pricing.pric"),
        ("{{lead.postal_code}}", "{{lead.", "flows[0].sources[0].pricing.send.zip"),
        ("[https://www.example.com]", "[www.example.com]", "sources[0].allowed_origins[0]"),
        ("[https://www.example.com]", "[https://x/path]", "sources[0].allowed_origins[0]"),
        ("[www.example.com,", "['*',", "sources[0].redirect_hosts[0]"),
        ("[www.example.com,", "['*.com',", "sources[0].redirect_hosts[0]"),
    ],
)
def test_mistakes_are_told_with_line_and_path(old, new, path):
    text = changed(old, new, BUNDLE)
    (told,) = mistakes(text)
    assert f"{path}: " in told
    assert told.startswith(f"b.yaml:{line_of(new, text)}: ")
