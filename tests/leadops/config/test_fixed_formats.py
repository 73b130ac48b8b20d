"""Integrations that leave no choice of format and method, in a bundle."""

from __future__ import annotations

import pytest

from leadops.config import loading
from recipients.models import Endpoint
from tests.leadops.config.bundles import load, mistakes

pytestmark = pytest.mark.django_db

BUNDLE = """\
leadops: 1
recipients:
  - slug: buyer
    name: Buyer
    integration: custom_xml
    endpoint:
      url: https://buyer.example/leads
    backup: {url: "https://backup.example/leads"}
    fallback:
      - {integration: webhook.post, url: "https://buyer.example/hook"}
"""


def test_it_takes_the_integrations_format_where_none_is_said():
    load(BUNDLE)
    found = dict(Endpoint.objects.values_list("kind", "format"))
    assert found == {"production": "xml", "backup": "xml", "fallback": "json"}
    assert load(loading.dump()) == []


def test_it_takes_the_format_of_the_integration_that_is_chosen_later():
    load(BUNDLE.replace("custom_xml", "http"))
    load(BUNDLE)
    assert Endpoint.objects.get(kind="production").format == "xml"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("format: json", "recipients[0].endpoint.format: Custom XML takes XML only"),
        ("format: csv", "recipients[0].endpoint.format: Custom XML takes XML only"),
    ],
)
def test_it_refuses_another_format_where_it_stands(written, said):
    text = BUNDLE.replace("/leads\n    backup", f"/leads\n      {written}\n    backup")
    assert mistakes(text) == [f"b.yaml:8: {said}"]


def test_it_refuses_another_method_where_it_stands():
    text = BUNDLE.replace('/hook"}', '/hook", method: PUT}')
    assert mistakes(text) == [
        "b.yaml:10: recipients[0].fallback[0].method: Webhook takes POST only"
    ]
