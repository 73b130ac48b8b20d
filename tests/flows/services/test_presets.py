"""Services that are known by name, against look-alikes of them on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from flows.models import Enhancement, Flow, Step
from flows.services import SERVICES
from flows.steps import enhancements
from leadops.buyers import Buyers, running_buyers
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver

LEAD = {
    "id": "lead_1",
    "email": "ann@example.com",
    "phone_1": "5125550147",
    "trustedform_cert_url": "https://cert.trustedform.com/abc123",
    "trustedform_cert_url.path": "/abc123",
}


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


def ask(buyers: Buyers, path: str, lead: Mapping[str, Any] = LEAD, **settings: Any) -> Attempt:
    """Ask a service's look-alike: its own address with another host."""
    step = Step(flow=Flow(slug="auto"), name="check", kind="enhance")
    row = Enhancement(step=step, url=f"{buyers.url}{path}", **settings)
    row.clean()
    row.step.enhancement = row
    made = enhancements.compiled(step, lambda: ({}, {}))
    assert not made.broken
    context = {
        "lead": lead,
        "source": {"name": "Web"},
        "flow": {},
        "recipient": {},
        "now": datetime.now(UTC),
        "delivery": {"id": "x", "attempt": 1, "idempotency_key": "x"},
        "delivery_attempt": 1,
    }
    return deliver(
        made.plan,
        made.endpoint,
        context,
        attempt=1,
        idempotency_key="x",
        test=False,
        door=Door(private_networks=(ip_network("127.0.0.0/8"),), pool_size=2),
        keyring=Keyring(),
    )


def twilio(
    buyers: Buyers,
    number: str,
    path: str = "/twilio",
    password: str = "known",  # noqa: S107
) -> Attempt:
    return ask(
        buyers,
        f"{path}/v2/PhoneNumbers/{{{{lead.phone_1}}}}",
        {**LEAD, "phone_1": number},
        service="twilio.lookup",
        auth="basic",
        auth_username="AC1",
        auth_secret=password,
    )


@pytest.mark.parametrize("number", ["5125550147", "+442079460958"])
def test_twilio_says_carrier_and_line(buyers: Buyers, number: str) -> None:
    found = twilio(buyers, number).result
    assert found.accepted
    assert found.captures["valid"] is True
    assert found.captures["line_type"] in ("mobile", "landline", "nonFixedVoip")
    assert found.captures["carrier"]
    assert found.captures["country"] == "US"
    assert "problem" not in found.captures


def test_twilio_says_why_a_number_cannot_be(buyers: Buyers) -> None:
    found = twilio(buyers, "51255").result
    assert found.accepted
    assert (found.captures["valid"], found.captures["problem"]) == (False, "TOO_SHORT")


@pytest.mark.parametrize(
    ("number", "path", "password", "outcome", "reason"),
    [
        ("5125550000", "/twilio", "token", "invalid", "The requested resource"),
        ("5125550147", "/twilio", "wrong", "unauthorized", "Authenticate"),
        ("5125550147", "/twilio/~429", "token", "rate_limited", "Too Many Requests"),
        ("5125550147", "/twilio/~500", "token", "server_error", "Internal Server Error"),
    ],
)
def test_twilio_s_errors_are_reasons(buyers, number, path, password, outcome, reason) -> None:
    found = twilio(buyers, number, path, password).result
    assert found.outcome == outcome
    assert found.reason.startswith(reason)


def zerobounce(
    buyers: Buyers, email: str, path: str = "/zerobounce", key: str = "key-1"
) -> Attempt:
    return ask(
        buyers,
        f"{path}/v2/validate",
        {**LEAD, "email": email},
        service="zerobounce.validate",
        auth="api_key",
        auth_name="api_key",
        auth_place="query",
        auth_secret=key,
    )


@pytest.mark.parametrize(
    ("email", "status", "sub_status", "free"),
    [
        ("ann@gmail.com", "valid", None, True),
        ("invalid@example.com", "invalid", "mailbox_not_found", False),
        ("disposable@example.com", "do_not_mail", "disposable", False),
    ],
)
def test_zerobounce_says_how_an_address_is(buyers, email, status, sub_status, free) -> None:
    found = zerobounce(buyers, email).result
    assert found.accepted
    assert found.captures["status"] == status
    assert found.captures.get("sub_status") == sub_status
    assert found.captures["free_email"] is free


@pytest.mark.parametrize(
    ("email", "path", "key", "outcome", "reason"),
    [
        ("ann@example.com", "/zerobounce", "wrong", "unauthorized", "Invalid API key"),
        ("nobody", "/zerobounce", "key-1", "rejected", "Missing parameter"),
        ("ann@example.com", "/zerobounce/~500", "key-1", "server_error", "Something went wrong"),
    ],
)
def test_zerobounce_s_errors_are_reasons(buyers, email, path, key, outcome, reason) -> None:
    found = zerobounce(buyers, email, path, key).result
    assert found.outcome == outcome
    assert found.reason.startswith(reason)


def trustedform(
    buyers: Buyers, certificate: str, path: str = "/trustedform", user: str = "API"
) -> Attempt:
    return ask(
        buyers,
        f'{path}/{{{{replace lead.trustedform_cert_url.path "/" ""}}}}',
        {**LEAD, "trustedform_cert_url.path": f"/{certificate}"},
        service="trustedform.retain",
        auth="basic",
        auth_username=user,
        auth_secret="key-1",
    )


def test_trustedform_retains_a_certificate_and_says_its_age(buyers: Buyers) -> None:
    first = trustedform(buyers, "c0ffee", "/b/one/trustedform")
    assert first.request is not None
    assert '"reference":"lead_1"' in first.request.body.replace(" ", "")
    assert first.request.headers["Api-Version"] == "4.0"
    found = first.result
    assert found.accepted, found
    assert found.captures["age_seconds"] == 120
    assert found.captures["matches"] is True
    assert found.captures["retained_before"] is False
    again = trustedform(buyers, "c0ffee", "/b/one/trustedform").result
    assert again.captures["retained_before"] is True
    assert trustedform(buyers, "old1").result.captures["age_seconds"] == 3 * 86400


@pytest.mark.parametrize(
    ("certificate", "path", "user", "outcome", "reason"),
    [
        ("other1", "/trustedform", "API", "rejected", "No match was found"),
        ("expired1", "/trustedform", "API", "invalid", "certificate not found"),
        ("c0ffee", "/trustedform", "me", "unauthorized", "Incorrect API key"),
        ("c0ffee", "/trustedform/~500", "API", "server_error", "internal error"),
    ],
)
def test_trustedform_s_errors_are_reasons(buyers, certificate, path, user, outcome, reason) -> None:
    found = trustedform(buyers, certificate, path, user).result
    assert found.outcome == outcome
    assert found.reason.startswith(reason)


def test_a_token_is_fetched_and_shown(buyers: Buyers) -> None:
    found = ask(
        buyers,
        "/auth/oauth",
        service="token.json",
        send={"phone": "{{lead.phone_1}}"},
        append={"id": "leadId"},
        auth="login",
        auth_username="lead",
        auth_secret="s3cret",
        auth_options={
            "url": f"{buyers.url}/auth/login",
            "body": {"username": "{{username}}", "password": "{{password}}"},
            "token": "data.token",
        },
    )
    assert found.result.accepted, found
    assert found.result.captures["id"]


@pytest.mark.parametrize("service", [s for s in SERVICES.values() if s.auth != "none"])
def test_a_service_that_wants_credentials_says_so(service) -> None:
    step = Step(flow=Flow(slug="auto"), name="check", kind="enhance")
    row = Enhancement(step=step, service=service.name, url="https://x.example/", append={"a": "b"})
    with pytest.raises(Exception, match="wants to know who asks"):
        row.clean()


@pytest.mark.parametrize("service", [s for s in SERVICES.values() if s.inputs])
def test_its_own_address_and_document_compile(service) -> None:
    step = Step(flow=Flow(slug="auto"), name="check", kind="enhance")
    step.enhancement = Enhancement(step=step, service=service.name)
    made = enhancements.compiled(step, lambda: ({}, {}))
    assert not made.broken
    assert made.endpoint.url.text({"lead": LEAD, "source": {}}).startswith("https://")
    assert made.appended
