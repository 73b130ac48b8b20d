from __future__ import annotations

import gzip
import random
from base64 import b64encode
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door, Request
from recipients.mapping import compile_template
from recipients.plan import Auth, AuthKind, BodyFormat, EndpointPlan
from recipients.transports import Job, NotSendable
from recipients.transports.http import HttpTransport, packed
from tests.recipients.transports.contract import TransportContract

CONTEXT: dict[str, Any] = {
    "lead": {"id": "lead_1", "first_name": "Zoë", "email": "a/b?c=d&e#f@example.com"},
    "source": {"campaign_id": "winter_2024"},
    "flow": {},
    "recipient": {},
}


LEADS = "https://buyer.example/leads"


def endpoint(url: str = LEADS, **settings: Any) -> EndpointPlan:
    return EndpointPlan("ept_1", compile_template(url), **settings)


def job(at: EndpointPlan, payload: Any = None, **settings: Any) -> Job:
    values: dict[str, Any] = {"attempt": 1, "idempotency_key": "dlv_1", "timeout": 5.0, **settings}
    return Job({"a": 1} if payload is None else payload, at, CONTEXT, **values)


def build(
    payload: Any = None, *, url: str = "https://buyer.example/leads", **settings: Any
) -> Request:
    return HttpTransport().build(job(endpoint(url, **settings), payload))


class TestHttp(TransportContract):
    transport = HttpTransport()

    def job(self, url: str, **settings: object) -> Job:
        return job(endpoint(url), **settings)


def test_it_sends_json_by_post_with_all_its_headers() -> None:
    request = build({"price": Decimal("45.00"), "name": "Zoë"})
    assert request.method == "POST"
    assert request.body == '{"price":45.00,"name":"Zoë"}'.encode()
    headers = dict(request.headers)
    assert headers.pop("User-Agent").startswith("LeadOps/")
    assert headers == {
        "Accept": "application/json, */*;q=0.5",
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json",
        "X-Attempt": "1",
        "Idempotency-Key": "dlv_1",
    }


@pytest.mark.parametrize(
    ("format", "content_type", "body"),
    [
        (BodyFormat.FORM, "application/x-www-form-urlencoded", b"a=1"),
        (BodyFormat.CSV, "text/csv; charset=utf-8", b"a\r\n1\r\n"),
    ],
)
def test_it_sends_other_formats(format: BodyFormat, content_type: str, body: bytes) -> None:
    request = build(format=format)
    assert request.headers["Content-Type"] == content_type
    assert request.body == body


def test_it_names_the_root_of_xml() -> None:
    request = build(format=BodyFormat.XML, xml_root="application")
    assert request.body.endswith(b"<application><a>1</a></application>")
    assert request.headers["Accept"].startswith("application/xml")


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "GET"},
        {"format": BodyFormat.QUERY},
        {"format": BodyFormat.QUERY, "method": "GET"},
    ],
)
def test_it_puts_the_payload_of_a_query_into_the_address(settings: dict[str, Any]) -> None:
    request = build({"a": "x y", "b": {"c": 1}}, url="https://b.example/x?k=v", **settings)
    assert request.url == "https://b.example/x?k=v&a=x+y&b[c]=1"
    assert request.body == b""
    assert "Content-Type" not in request.headers


def test_it_compresses_the_body_when_told() -> None:
    request = build({"a": "b" * 1000}, compress=True)
    assert request.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(request.body) == b'{"a":"' + b"b" * 1000 + b'"}'


def test_it_quotes_values_in_the_address() -> None:
    request = build(url="https://buyer.example/{{source.campaign_id}}/{{lead.email}}?x={{lead.id}}")
    assert request.url == (
        "https://buyer.example/winter_2024/a%2Fb%3Fc%3Dd%26e%23f%40example.com?x=lead_1"
    )


@pytest.mark.parametrize("value", ["evil.example/", "..", "@evil.example", "a\r\nX: y"])
def test_it_lets_no_value_change_where_the_address_leads(value: str) -> None:
    context = {**CONTEXT, "lead": {"x": value}}
    at = endpoint("https://buyer.example/a/{{lead.x}}/b")
    request = HttpTransport().build(replace(job(at), context=context))
    assert request.url.startswith("https://buyer.example/a/")
    assert request.url.count("/") == 5
    assert "/../" not in request.url


def test_it_sets_headers_from_templates_and_drops_blank_ones() -> None:
    headers = (
        ("X-Campaign-ID", compile_template("{{source.campaign_id}}")),
        ("X-Partner-ID", compile_template("LC-12345")),
        ("X-Nothing", compile_template("{{lead.nothing}}")),
        ("user-agent", compile_template("Other")),
        ("content-type", compile_template("application/vnd.buyer+json")),
    )
    found = build(headers=headers).headers
    assert found["X-Campaign-ID"] == "winter_2024"
    assert found["X-Partner-ID"] == "LC-12345"
    assert "X-Nothing" not in found
    assert "User-Agent" not in found
    assert found["user-agent"] == "Other"
    assert "Content-Type" not in found
    assert found["content-type"] == "application/vnd.buyer+json"


def test_it_keeps_line_breaks_of_values_out_of_headers() -> None:
    at = endpoint(headers=(("X-Name", compile_template("{{lead.x}}")),))
    context = {**CONTEXT, "lead": {"x": "a\r\nX-Evil: 1\0b"}}
    request = HttpTransport().build(replace(job(at), context=context))
    assert request.headers["X-Name"] == "a X-Evil: 1 b"


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        (Auth(AuthKind.BEARER, secret="t0ken"), "Authorization", "Bearer t0ken"),
        (Auth(AuthKind.API_KEY, secret="k3y"), "X-API-Key", "k3y"),
        (Auth(AuthKind.API_KEY, name="X-Key", secret="k3y"), "X-Key", "k3y"),
        (
            Auth(AuthKind.BASIC, username="us", secret="pä"),
            "Authorization",
            "Basic " + b64encode("us:pä".encode()).decode(),
        ),
        (Auth(AuthKind.HEADERS, headers=(("X-One", "1"),)), "X-One", "1"),
    ],
)
def test_it_authenticates_by_header(auth: Auth, name: str, value: str) -> None:
    assert build(auth=auth).headers[name] == value


def test_it_authenticates_by_parameter() -> None:
    auth = Auth(AuthKind.API_KEY, name="key", secret="k&y", place="query")
    assert build(auth=auth).url == "https://buyer.example/leads?key=k%26y"


def test_it_does_not_show_secrets_in_its_representation() -> None:
    assert "t0ken" not in repr(Auth(AuthKind.BEARER, secret="t0ken"))


def test_it_uses_the_buyers_own_idempotency_header() -> None:
    template = compile_template("{{lead.id}}-{{delivery_attempt}}")
    at = endpoint(idempotency_header="X-Idempotency-Key", idempotency_template=template)
    context = {**CONTEXT, "delivery_attempt": 2}
    request = HttpTransport().build(replace(job(at), context=context))
    assert request.headers["X-Idempotency-Key"] == "lead_1-2"
    assert "Idempotency-Key" not in request.headers


def test_it_carries_every_format_over_the_wire(buyers: Buyers, door: Door) -> None:
    transport = HttpTransport()
    for format in BodyFormat:
        at = endpoint(f"{buyers.url}/b/{format}/accept", format=format, compress=True)
        made = job(at, {"name": "Zoë"})
        reply = transport.send(transport.build(made), job=made, door=door)
        assert reply.status == 200
        (entry,) = buyers.log(path=f"/b/{format}/")
        assert "Zo" in entry["body"] + entry["query"].get("name", "")


def test_it_does_not_send_what_has_no_xml_name() -> None:
    with pytest.raises(NotSendable, match="first name"):
        build({"first name": 1}, format=BodyFormat.XML)


@pytest.mark.parametrize("size", [1, 8, 300, 513, 4_096, 40_000, 300_000])
def test_it_packs_bodies_of_any_size(size: int) -> None:
    body = random.Random(size).randbytes(size // 2) + b"lead" * (size // 8 + 1)
    assert gzip.decompress(packed(body)) == body
    assert packed(body) == packed(body)
