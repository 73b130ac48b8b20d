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
    ("integration", "format", "method", "said"),
    [
        ("custom_xml", "csv", "PUT", {"format": ["Custom XML takes XML only."]}),
        ("custom_xml", "json", "PUT", {"format": ["Custom XML takes XML only."]}),
        ("soap", "json", "POST", {"format": ["SOAP takes XML only."]}),
        ("salesforce.create_lead", "form", "POST", {"format": ["Salesforce takes JSON only."]}),
        ("salesforce.create_lead", "json", "PUT", {"method": ["Salesforce takes POST only."]}),
        (
            "webhook.post",
            "xml",
            "GET",
            {"format": ["Webhook takes JSON only."], "method": ["Webhook takes POST only."]},
        ),
        ("custom_xml", "xml", "PUT", {}),
        ("five9.add_to_list", "form", "POST", {}),
        ("http", "csv", "GET", {}),
        ("of a later version", "csv", "GET", {}),  # said where the name stands
    ],
)
def test_it_knows_integrations_that_leave_no_choice(integration, format, method, said):
    endpoint = Endpoint(recipient=Recipient(integration=integration), format=format, method=method)
    if not said:
        validation.endpoint_fixed(endpoint)
        return
    with pytest.raises(ValidationError) as caught:
        validation.endpoint_fixed(endpoint)
    assert caught.value.message_dict == said
