from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib import webhooks
from leadops.lib.http import Door
from recipients.integrations.generic import WEBHOOK
from recipients.mapping import compile_template
from recipients.options import OptionError, compile_options
from recipients.plan import BodyFormat, EndpointPlan
from recipients.transports import Job, NotSendable
from recipients.transports.webhook import WebhookTransport
from tests.recipients.transports.contract import TransportContract

TRANSPORT = WebhookTransport()
NEW, OLD = "whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8
SECRETS = {"${NEW}": NEW, "${OLD}": OLD, "${BAD}": "hunter2"}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTEXT: dict[str, Any] = {
    "lead": {"id": "lead_1", "first_name": "Zoë"},
    "source": {},
    "flow": {},
    "recipient": {},
    "now": NOW,
}


def options(**written: str) -> Any:
    return compile_options(WEBHOOK.options, written, fill=lambda text: SECRETS.get(text, text))


def job(url: str = "https://buyer.example/hook", payload: Any = None, **settings: Any) -> Job:
    at = EndpointPlan(
        "ept_1",
        compile_template(url),
        options=settings.pop("options", options(secret="${NEW}")),
        compress=True,
        format=BodyFormat.XML,
    )
    values: dict[str, Any] = {"attempt": 1, "idempotency_key": "dlv_1", "timeout": 5.0}
    given = {"name": "Zoë"} if payload is None else payload
    return Job(given, at, CONTEXT, **{**values, **settings})


class TestWebhook(TransportContract):
    transport = TRANSPORT

    def job(self, url: str, **settings: object) -> Job:
        return job(url, **settings)


def headers_of(made: Job) -> tuple[dict[str, str], bytes]:
    request = TRANSPORT.build(made)
    return {name.lower(): value for name, value in request.headers.items()}, request.body


def test_it_posts_the_mapped_fields_as_plain_json() -> None:
    request = TRANSPORT.build(job())
    assert request.method == "POST"
    assert request.body == '{"name":"Zoë"}'.encode()
    assert request.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in request.headers


def test_it_posts_the_lead_where_there_is_no_mapping() -> None:
    assert json.loads(TRANSPORT.build(job(payload={}, test=True)).body) == {
        "id": "lead_1",
        "type": "lead.delivered",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "test": True,
        "data": {"first_name": "Zoë"},
    }


def test_it_signs_with_every_live_secret() -> None:
    headers, body = headers_of(job(options=options(secret="${NEW}", previous_secret="${OLD}")))
    for secret in (NEW, OLD):
        webhooks.verify([secret], headers, body, now=NOW.timestamp())
    assert headers["webhook-id"] == "dlv_1"


def test_it_keeps_the_id_and_renews_the_time_of_a_repeated_attempt() -> None:
    later = replace(job(attempt=2), context={**CONTEXT, "now": NOW.replace(hour=13)})
    (first, _), (second, body) = headers_of(job()), headers_of(later)
    assert first["webhook-id"] == second["webhook-id"]
    webhooks.verify([NEW], second, body, now=NOW.replace(hour=13).timestamp())


def test_it_does_not_sign_without_a_secret() -> None:
    headers, _ = headers_of(job(options=options()))
    assert not [name for name in headers if name.startswith("webhook-")]


def test_it_refuses_a_secret_of_another_kind() -> None:
    with pytest.raises(OptionError, match="whsec_"):
        options(secret="${BAD}")


def test_it_does_not_sign_without_a_time() -> None:
    with pytest.raises(NotSendable, match="no time"):
        TRANSPORT.build(replace(job(), context={**CONTEXT, "now": None}))


def test_it_arrives_as_it_was_signed(buyers: Buyers, door: Door) -> None:
    made = job(f"{buyers.url}/b/signed/accept")
    assert TRANSPORT.send(TRANSPORT.build(made), job=made, door=door).ok
    (entry,) = buyers.log(path="/b/signed")
    headers = {name.lower(): value for name, value in entry["headers"].items()}
    webhooks.verify([NEW], headers, entry["body"].encode(), now=NOW.timestamp())
