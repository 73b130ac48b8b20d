"""What a recipient's configuration must satisfy."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from recipients import validation
from recipients.models import Endpoint, Recipient


@pytest.mark.parametrize(
    "url",
    [
        "https://api.buyer.com/leads",
        "https://api.buyer.com/campaigns/{{campaign_id}}/leads?e={{lead.email}}",
        "https://{{lead.state}}.buyer.com/leads",
        "https://{{lead.state}}.buyer.com:8443",
        "https://{{ recipient.region }}/leads",
        "https://{{source.host}}:8080/?x={{lead.x}}",
        "http://localhost:9100/accept",
    ],
)
def test_it_takes_addresses_whose_server_is_staffs(url):
    validation.url_template(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://{{lead.host}}/leads",
        "https://{{host}}",
        "https://api.{{lead.domain}}/leads",
        "https://{{lead.name}}.com/leads",
        "https://api.buyer.com:{{lead.port}}/",
        "https://{{#if lead.x}}a.com{{else}}b.com{{/if}}/",
        "https://{{recipient.region}}.{{lead.x}}/",
        "https://{{lead.state}}.buyer.com@evil.example/",
    ],
)
def test_it_lets_no_lead_choose_the_server(url):
    with pytest.raises(ValidationError, match="may not choose the server"):
        validation.url_template(url)


@pytest.mark.parametrize(
    ("integration", "format", "said"),
    [
        ("custom_xml", "csv", "Custom XML takes XML only."),
        ("salesforce.create_lead", "form", "Salesforce takes JSON only."),
        ("custom_xml", "json", ""),  # what stands where nobody chose
        ("five9.add_to_list", "form", ""),
        ("http", "csv", ""),
    ],
)
def test_it_knows_integrations_that_take_one_format(integration, format, said):
    endpoint = Endpoint(recipient=Recipient(integration=integration), format=format)
    if not said:
        validation.endpoint_format(endpoint)
        return
    with pytest.raises(ValidationError) as caught:
        validation.endpoint_format(endpoint)
    assert caught.value.message_dict == {"format": [said]}
