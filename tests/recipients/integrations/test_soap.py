"""How replies of SOAP services read, and what is refused when an endpoint is saved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from leadops import env
from recipients.integrations import FieldError, integration_for
from recipients.integrations.soap import check
from recipients.mapping import compile_document
from recipients.options import Option, compile_options
from recipients.outcomes import Outcome
from recipients.responses import ReaderSpec, compile_reader
from recipients.transports.soap import OPTIONS
from tests.recipients.responses.replies import reply

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


def envelope(inside: str, *, soap: str = SOAP_11) -> str:
    return (
        f'<?xml version="1.0"?><s:Envelope xmlns:s="{soap}"><s:Body>{inside}</s:Body></s:Envelope>'
    )


def fault_11(code: str, *, text: str = "No such campaign") -> str:
    return envelope(
        f"<s:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring>"
        "<detail><code>17</code></detail></s:Fault>"
    )


def fault_12(code: str, subcode: str = "") -> str:
    inner = f"<s:Subcode><s:Value>{subcode}</s:Value></s:Subcode>" if subcode else ""
    return envelope(
        f"<s:Fault><s:Code><s:Value>{code}</s:Value>{inner}</s:Code>"
        '<s:Reason><s:Text xml:lang="en">No such campaign</s:Text></s:Reason></s:Fault>',
        soap=SOAP_12,
    )


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        (envelope("<r:Submitted xmlns:r='urn:r'><id>7</id></r:Submitted>"), 200, "accepted"),
        (envelope("<SubmitResponse/>"), 200, "accepted"),
        (envelope(""), 200, "accepted"),
        (envelope("<SubmitResponse/>", soap=SOAP_12), 200, "accepted"),
        ("", 202, "accepted"),
        ("", 200, "unreadable"),
        ("<html><body>It works</body></html>", 200, "unreadable"),
        ("OK", 200, "unreadable"),
        (fault_11("s:Client"), 500, "invalid"),
        (fault_11("Client.Validation"), 500, "invalid"),
        (fault_11("s:MustUnderstand"), 500, "invalid"),
        (fault_11("s:VersionMismatch"), 500, "invalid"),
        (fault_11("s:Client"), 200, "invalid"),
        (fault_11("s:Server"), 500, "server_error"),
        (fault_11("s:Server.Busy"), 200, "server_error"),
        (fault_11("x:ServerClientProxy"), 500, "server_error"),
        (fault_11(""), 500, "server_error"),
        (fault_11("wsse:FailedAuthentication"), 500, "unauthorized"),
        (fault_11("wsse:InvalidSecurityToken"), 500, "unauthorized"),
        (fault_11("Client.Authentication"), 500, "unauthorized"),
        (fault_12("s:Sender"), 400, "invalid"),
        (fault_12("s:Sender", "wsse:FailedCheck"), 500, "unauthorized"),
        (fault_12("s:Receiver"), 500, "server_error"),
        (fault_12("s:DataEncodingUnknown"), 500, "invalid"),
        ("", 401, "unauthorized"),
        ("<html>down</html>", 503, "server_error"),
    ],
)  # fmt: skip
def test_it_reads(body: str, status: int, outcome: str) -> None:
    reading = integration_for("soap").reading
    assert reading is not None
    result = compile_reader(reading).read(reply(body, status, content_type="text/xml"))
    assert result.outcome == outcome


@pytest.mark.parametrize("body", [fault_11("s:Client"), fault_12("s:Sender")])
def test_it_gives_the_faults_own_reason(body: str) -> None:
    reading = integration_for("soap").reading
    assert reading is not None
    result = compile_reader(reading).read(reply(body, 500, content_type="text/xml"))
    assert result.reason == "No such campaign"


def test_it_gives_the_faults_detail_as_the_message() -> None:
    reading = integration_for("soap").reading
    assert reading is not None
    result = compile_reader(reading).read(reply(fault_11("s:Client"), 500))
    assert (result.outcome, result.message) == (Outcome.INVALID, "17")


PAGE = (env.PROJECT / "docs/soap.md").read_text()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_page_describes_the_option(option: Option) -> None:
    (row,) = [line for line in PAGE.splitlines() if re.match(rf"\| .*`{option.name}`.* \|", line)]
    assert all(f"`{choice}`" in row for choice in option.choices)


def test_the_pages_example_compiles() -> None:
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    (recipient,) = yaml.safe_load(example)["recipients"]
    endpoint = recipient["endpoint"]
    options = compile_options(OPTIONS, endpoint["options"])
    check(Endpoint(endpoint["url"]), options)
    compile_document(recipient["mapping"])
    compile_reader(ReaderSpec(**recipient["response"]))


def test_the_pages_addressing_is_a_header() -> None:
    written = yaml.safe_load(PAGE.split("```yaml\n")[2].partition("```")[0])
    check(Endpoint(), compile_options(OPTIONS, written))


@dataclass
class Endpoint:
    url: str = "https://b.example"
    format: str = "xml"
    auth: str = "none"
    auth_username: str = ""
    auth_secret: str = ""


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"security": "digest"}, "username and a password"),
        ({"security": "text", "username": "u"}, "username and a password"),
        ({"header": "<a>"}, "header blocks are no XML"),
        ({"header": "<p:a/>"}, "header blocks are no XML"),
    ],
)
def test_it_refuses(written: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        check(Endpoint(), compile_options(OPTIONS, written))
    assert caught.value.field == "options"


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"security": "text", "username": "u", "password": "${P}"},
        {"header": "<p:a>{{lead.x}}</p:a>", "xml_namespaces": {"p": "urn:p"}},
        {"header": '<a soap:mustUnderstand="1">{{lead.x}}</a><b/>', "version": "1.2"},
    ],
)
def test_it_takes(written: dict[str, Any]) -> None:
    check(Endpoint(), compile_options(OPTIONS, written))
