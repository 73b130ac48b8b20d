"""SOAP messages as they are written."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from leadops.buyers import Buyers
from leadops.lib.http import Door, Request
from recipients.mapping import compile_template
from recipients.mapping.markup import legal
from recipients.options import compile_options
from recipients.plan import EndpointPlan
from recipients.transports import Job, NotSendable
from recipients.transports.soap import OPTIONS, SoapTransport
from tests.recipients.transports.contract import TransportContract

CONTEXT: dict[str, Any] = {
    "lead": {"id": "lead_1", "evil": '"><x>&'},
    "source": {"campaign_id": "winter_2024"},
    "now": datetime(2024, 1, 15, 10, 30, 47, 234000, tzinfo=UTC),
}
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
NAMES = {"wsse": WSSE, "wsu": WSU}
REFERENCE = "${PASSWORD}"
SECRET: dict[str, Any] = {"username": "us<er", "password": REFERENCE}


def endpoint(url: str, written: Mapping[str, Any], **settings: Any) -> EndpointPlan:
    options = compile_options(
        OPTIONS, written, fill=lambda text: text.replace("${PASSWORD}", "p&w")
    )
    values = {"xml_root": "Submit", "options": options, "integration": "soap", **settings}
    return EndpointPlan("ept_1", compile_template(url), **values)


def job(at: EndpointPlan, payload: Any = None, **settings: Any) -> Job:
    values: dict[str, Any] = {"attempt": 1, "idempotency_key": "dlv_1", "timeout": 5.0, **settings}
    return Job({"name": "Zoë"} if payload is None else payload, at, CONTEXT, **values)


def build(
    payload: Any = None, *, settings: Mapping[str, Any] | None = None, **written: Any
) -> Request:
    at = endpoint("https://buyer.example/soap", written, **(settings or {}))
    return SoapTransport().build(job(at, payload))


def tree(request: Request) -> etree._Element:
    return etree.fromstring(request.body)


def text(request: Request, path: str) -> str:
    found = tree(request).findtext(f".//{path}", namespaces=NAMES)
    assert found is not None
    return found


class TestSoap(TransportContract):
    transport = SoapTransport()

    def job(self, url: str, **settings: object) -> Job:
        written = {**SECRET, "security": "digest", "security_lifetime": "5m"}
        return job(endpoint(url, written), **settings)


def test_it_puts_the_document_into_an_envelope() -> None:
    request = build(namespace="urn:leads", action="urn:leads/Submit")
    assert request.method == "POST"
    assert request.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{SOAP_11}"><soap:Body>'
        '<Submit xmlns="urn:leads"><name>Zoë</name></Submit></soap:Body></soap:Envelope>'
    )
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert request.headers["SOAPAction"] == '"urn:leads/Submit"'


def test_it_says_the_action_of_1_2_in_the_content_type() -> None:
    request = build(version="1.2", action="urn:{{source.campaign_id}}")
    assert request.headers["Content-Type"] == (
        'application/soap+xml; charset=utf-8; action="urn:winter_2024"'
    )
    assert "SOAPAction" not in request.headers
    assert tree(request).tag == f"{{{SOAP_12}}}Envelope"


def test_it_says_no_action_where_there_is_none() -> None:
    assert build().headers["SOAPAction"] == '""'
    assert build(version="1.2").headers["Content-Type"] == "application/soap+xml; charset=utf-8"


def test_it_lets_no_value_out_of_the_action() -> None:
    request = build(action="urn:{{lead.evil}}\n{{lead.id}}")
    assert request.headers["SOAPAction"] == '"urn:><x>&lead_1"'


@pytest.mark.parametrize(
    ("root", "elements", "operation"),
    [
        ("Submit", "qualified", '<Submit xmlns="urn:a"><x>1</x></Submit>'),
        ("Submit", "unqualified", '<op:Submit xmlns:op="urn:a"><x>1</x></op:Submit>'),
        ("b:Submit", "qualified", '<b:Submit xmlns:b="urn:a"><x>1</x></b:Submit>'),
    ],
)
def test_it_names_the_operation(root: str, elements: str, operation: str) -> None:
    request = build({"x": 1}, settings={"xml_root": root}, namespace="urn:a", elements=elements)
    assert f"<soap:Body>{operation}</soap:Body>" in request.body.decode()


def test_it_declares_further_namespaces_at_the_envelope() -> None:
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    request = build({"a": {"@xsi:nil": True}}, xml_namespaces={"xsi": xsi})
    assert tree(request).find(".//a").get(f"{{{xsi}}}nil") == "true"  # type: ignore[union-attr]


def test_it_sends_own_header_blocks_whose_values_stay_values() -> None:
    header = (
        '<k:Key xmlns:k="urn:k" soap:mustUnderstand="1" id="{{lead.evil}}">{{lead.evil}}</k:Key>'
    )
    key = tree(build(header=header)).find(".//{urn:k}Key")
    assert key is not None
    assert (key.text, key.get("id"), len(key)) == ('"><x>&', '"><x>&', 0)
    assert key.getparent().tag == f"{{{SOAP_11}}}Header"  # type: ignore[union-attr]


def test_it_sends_the_password_as_it_is() -> None:
    request = build(security="text", **SECRET)
    assert text(request, "wsse:Username") == "us<er"
    assert text(request, "wsse:Password") == "p&w"
    assert text(request, "wsu:Created") == "2024-01-15T10:30:47.234Z"
    security = tree(request).find(".//wsse:Security", namespaces=NAMES)
    assert security is not None
    assert security.get(f"{{{SOAP_11}}}mustUnderstand") == "1"


def test_it_sends_the_password_as_a_digest() -> None:
    request = build(security="digest", version="1.2", **SECRET)
    nonce = base64.b64decode(text(request, "wsse:Nonce"))
    made = hashlib.sha1(
        nonce + text(request, "wsu:Created").encode() + b"p&w", usedforsecurity=False
    )
    assert text(request, "wsse:Password") == base64.b64encode(made.digest()).decode()
    password = tree(request).find(".//wsse:Password", namespaces=NAMES)
    assert str(password.get("Type")).endswith("#PasswordDigest")  # type: ignore[union-attr]
    assert b"p&amp;w" not in request.body


def test_it_uses_a_nonce_once() -> None:
    at = endpoint("https://b.example", {"security": "digest", **SECRET})
    jobs = [job(at), job(at, attempt=2), job(at, idempotency_key="dlv_2")]
    nonces = {text(SoapTransport().build(each), "wsse:Nonce") for each in jobs}
    assert len(nonces) == len(jobs)


def test_it_says_how_long_the_message_is_valid() -> None:
    request = build(security_lifetime="5m")
    assert text(request, "wsu:Timestamp/wsu:Created") == "2024-01-15T10:30:47.234Z"
    assert text(request, "wsu:Timestamp/wsu:Expires") == "2024-01-15T10:35:47.234Z"
    assert b"UsernameToken" not in request.body


def test_it_posts_compresses_and_writes_plain_letters_as_the_endpoint_says() -> None:
    request = build(settings={"ascii": True, "compress": True})
    assert request.method == "POST"
    assert request.headers["Content-Encoding"] == "gzip"
    assert b"<name>Zoe</name>" in gzip.decompress(request.body)


@pytest.mark.parametrize(
    ("payload", "written", "message"),
    [
        ({"first name": 1}, {}, "not an XML name"),
        ({"p:a": 1}, {}, "no namespace"),
        ({}, {"header": "<a>{{#if lead.id}}<b>{{/if}}</a>"}, "header blocks"),
        ({}, {"header": "{{#each lead.id}}{{upper this}}{{/each}}<p:a/>"}, "header blocks"),
    ],
)
def test_it_does_not_send_what_is_no_xml(payload: Any, written: Any, message: str) -> None:
    with pytest.raises(NotSendable, match=message):
        build(payload, **written)


def test_it_does_not_sign_without_the_time() -> None:
    made = job(endpoint("https://b.example", {"security": "text", **SECRET}))
    with pytest.raises(NotSendable, match="time"):
        SoapTransport().build(replace(made, context={}))


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("security", ["text", "digest"])
def test_a_service_knows_it_by_name_and_password(
    buyers: Buyers, door: Door, version: str, security: str
) -> None:
    written = {"version": version, "security": security, "security_lifetime": "5m", **SECRET}
    transport = SoapTransport()

    def answer(query: str, attempt: int) -> bytes:
        made = job(
            endpoint(f"{buyers.url}/soap?{query}", written),
            attempt=attempt,
            idempotency_key=f"dlv_{version}_{security}",
        )
        return transport.send(transport.build(made), job=made, door=door).body

    known = "user=us%3Cer&password=p%26w"
    assert b"<SubmitResponse" in answer(known, 1)
    assert b"FailedAuthentication" in answer(known, 1)  # the same message again
    assert b"<SubmitResponse" in answer(known, 2)
    assert b"FailedAuthentication" in answer("user=us%3Cer&password=other", 3)


def test_it_arrives_as_it_was_built(buyers: Buyers, door: Door) -> None:
    made = job(endpoint(f"{buyers.url}/b/soap/accept.xml", {"action": "urn:x"}))
    request = SoapTransport().build(made)
    assert SoapTransport().send(request, job=made, door=door).status == 200
    (entry,) = buyers.log(path="/b/soap/")
    assert entry["body"] == request.body.decode()
    assert entry["headers"]["SOAPAction"] == '"urn:x"'


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), st.text(), max_size=4))
def test_it_keeps_every_value_a_value(payload: dict[str, str]) -> None:
    request = build(payload, namespace="urn:a", security="text", **SECRET)
    operation = tree(request).find(".//{urn:a}Submit")
    assert operation is not None
    assert {etree.QName(each).localname: each.text or "" for each in operation} == {
        name: legal(value) for name, value in payload.items()
    }
