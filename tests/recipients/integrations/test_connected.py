"""Recipients as staff connect them: from a bundle to what arrives, and how the answer reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from lxml import etree

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.deliver import Attempt, deliver
from recipients.loading import load_recipients
from recipients.models import Endpoint, Recipient, Secret
from recipients.plan import EndpointKind, RecipientPlan
from tests.leadops.config.bundles import load
from tests.recipients.responses.replies import reply

pytestmark = pytest.mark.django_db

CONTEXT: dict[str, Any] = {
    "lead": {"id": "lead_1", "first_name": "Zoë", "phone_1": "5555551234", "tags": ["a", "b"]},
    "source": {"name": "Web"},
    "recipient": {"colours": {"a": "red"}},
    "now": datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
}


def plan_of(text: str) -> RecipientPlan:
    load(text)
    (plan,) = load_recipients().values()
    assert plan.paused_reason == ""
    return plan


def send(plan: RecipientPlan, door: Door, *, key: str = "dlv_1") -> Attempt:
    assert plan.production is not None
    return deliver(
        plan,
        plan.production,
        CONTEXT,
        attempt=1,
        idempotency_key=key,
        test=False,
        door=door,
    )


SOAP = """
leadops: 1
recipients:
  - slug: soap-buyer
    name: SOAP Buyer
    type: buyer
    integration: soap
    endpoint:
      url: URL/b/soap-buyer/accept.xml
      xml_root: Submit
      ascii: true
      options:
        version: "1.2"
        action: urn:leads/Submit
        namespace: urn:leads
        security: digest
        xml_namespaces: {k: "urn:keys"}
        header: <k:Key>{{source.name}}</k:Key>
        username: leadops
        password: ${SOAP_PASSWORD}
    mapping:
      Lead: {"@id": "{{lead.id}}", Name: "{{lead.first_name}}", Tag: "{{lead.tags}}"}
    response:
      success: //result = "accepted"
      lead_id: //id
"""


def test_it_connects_a_soap_buyer(buyers: Buyers, door: Door) -> None:
    Secret.objects.create(name="SOAP_PASSWORD", value="s3cret-word")
    attempt = send(plan_of(SOAP.replace("URL", buyers.url)), door)
    assert attempt.result.outcome == "accepted"
    assert attempt.result.buyer_lead_id
    (entry,) = buyers.log(path="/b/soap-buyer/")
    assert entry["headers"]["Content-Type"].startswith("application/soap+xml")
    operation = etree.fromstring(entry["body"].encode()).find(".//{urn:leads}Submit")
    assert operation is not None
    assert [each.text for each in operation.iter("{urn:leads}Name", "{urn:leads}Tag")] == [
        "Zoe",
        "a",
        "b",
    ]
    assert "s3cret-word" not in entry["body"]
    assert "<k:Key>Web</k:Key>" in entry["body"]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ("user=leadops&password=s3cret-word", "accepted"),
        ("user=leadops&password=other", "unauthorized"),
        ("fault=Client", "invalid"),
        ("fault=Server", "server_error"),
        ("fault=MustUnderstand", "invalid"),
    ],
)
def test_it_reads_what_a_soap_service_answers(
    buyers: Buyers, door: Door, version: str, query: str, outcome: str
) -> None:
    Secret.objects.create(name="SOAP_PASSWORD", value="s3cret-word")
    text = SOAP.replace("URL/b/soap-buyer/accept.xml", f"{buyers.url}/soap?{query}")
    plan = plan_of(text.replace('"1.2"', f'"{version}"'))
    result = send(plan, door, key=f"dlv_{version}_{query}").result
    assert result.outcome == outcome
    assert result.reason or outcome == "accepted"


def test_it_keeps_a_soap_password_out_of_the_record(buyers: Buyers, door: Door) -> None:
    Secret.objects.create(name="SOAP_PASSWORD", value="s3cret<word")
    text = SOAP.replace("URL", buyers.url).replace("digest", "text")
    attempt = send(plan_of(text), door)
    assert attempt.request is not None
    assert "s3cret" not in attempt.request.body
    assert "leadops" in attempt.request.body


def test_it_reads_a_fault_although_the_recipient_has_a_success_rule(buyers: Buyers) -> None:
    Secret.objects.create(name="SOAP_PASSWORD", value="s3cret-word")
    reader = plan_of(SOAP.replace("URL", buyers.url)).reader
    fault = (
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault>"
        "<faultcode>s:Client</faultcode><faultstring>No zip</faultstring></s:Fault></s:Body>"
        "</s:Envelope>"
    )
    result = reader.read(reply(fault, 500, content_type="text/xml"))
    assert (result.outcome, result.reason) == ("invalid", "No zip")
    other = fault.replace("s:Fault", "Done")
    assert reader.read(reply(other, 200, content_type="text/xml")).outcome == "unreadable"


def test_it_reads_a_production_endpoint_by_its_own_integration() -> None:
    recipient = Recipient.objects.create(slug="a", name="A", integration="http", price=1)
    Endpoint.objects.create(recipient=recipient, url="https://a.example/", integration="soap")
    Endpoint.objects.create(recipient=recipient, url="https://b.example/", kind="fallback")
    (plan,) = load_recipients().values()
    assert plan.production is not None
    assert plan.production.reader is None
    assert plan.reader.read(reply("It works")).outcome == "unreadable"
    (fallback,) = plan.fallbacks
    assert fallback.kind is EndpointKind.FALLBACK
    assert fallback.reader is not None
    assert fallback.reader.read(reply("It works")).outcome == "accepted"


FORM = """
leadops: 1
recipients:
  - slug: form-buyer
    name: Form Buyer
    type: buyer
    integration: http
    endpoint:
      url: URL/b/form-buyer/accept
      format: form
      options: {form_lists: repeat}
    fields: {colours: {a: red}}
    mapping:
      tag: "{{lead.tags}}"
      colour: "{{lookup recipient.colours 'a'}}"
      payload: {"#json": {name: "{{lead.first_name}}", phones: ["{{lead.phone_1}}"]}}
"""


def test_it_sends_repeated_fields_and_a_document_in_one(buyers: Buyers, door: Door) -> None:
    attempt = send(plan_of(FORM.replace("URL", buyers.url)), door)
    assert attempt.result.outcome == "accepted"
    (entry,) = buyers.log(path="/b/form-buyer/")
    tags, _, document = entry["body"].partition("&payload=")
    assert tags == "tag=a&tag=b&colour=red"
    assert document.startswith("%7B%22name%22")
    assert attempt.request is not None
    assert json.loads(parse_qs(attempt.request.body)["payload"][0]) == {
        "name": "Zoë",
        "phones": ["5555551234"],
    }
