"""One delivery by an integration to a look-alike of its vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver
from recipients.integrations import integration_for
from recipients.mapping import Row, compile_rows, compile_template
from recipients.options import compile_options
from recipients.plan import Auth, AuthKind, EndpointPlan, RecipientPlan
from recipients.responses import ReaderSpec, compile_reader
from recipients.transports import Job

LEAD = {
    "id": "lead_01HQ3X4YJKM",
    "first_name": "John",
    "last_name": "Smith",
    "email": "john.smith@example.com",
    "phone_1": "5125551234",
    "state": "TX",
    "score": 85,
    "product_interest": "Auto",
    "timezone": "America/New_York",
}
NOON = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)  # in New York
TOKEN = Auth(AuthKind.BEARER, secret="t0ken-of-the-test")


def context(lead: Mapping[str, Any], now: datetime = NOON) -> dict[str, Any]:
    return {
        "lead": {**LEAD, **lead},
        "source": {"name": "Web Form A"},
        "flow": {},
        "recipient": {},
        "now": now,
        "delivery": {"id": "dlv_1", "attempt": 1, "idempotency_key": "dlv_1"},
        "delivery_attempt": 1,
    }


def plan_for(
    name: str, url: str, mapping: Mapping[str, str], *, auth: Auth = TOKEN, **options: Any
) -> RecipientPlan:
    """A recipient that says nothing of its own about replies."""
    chosen = integration_for(name)
    endpoint = EndpointPlan(
        "ept_1",
        compile_template(url),
        integration=name,
        options=compile_options(chosen.options, options),
        method=chosen.method or "POST",
        auth=auth,
    )
    if chosen.format:
        endpoint = replace(endpoint, format=chosen.format)
    return RecipientPlan(
        id="rcp_1",
        slug="it",
        name="It",
        mapping=compile_rows([Row(key, value) for key, value in mapping.items()]),
        reader=compile_reader(chosen.reading or ReaderSpec()),
        type="crm",
        integration=name,
        production=endpoint,
    )


def job_at(
    url: str,
    mark: str,
    payload: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Job:
    """A job for any behaviour of the buyers: `mark` makes its address a whole one."""
    joint = "&" if "?" in url else "?"
    at = EndpointPlan("ept_1", compile_template(f"{url}{joint}as={mark}"), options=options or {})
    values: dict[str, Any] = {"attempt": 1, "idempotency_key": "dlv_1", "timeout": 5.0, **settings}
    return Job(payload, at, context({}), **values)


def send(
    plan: RecipientPlan,
    door: Door,
    *,
    key: str = "dlv_1",
    now: datetime = NOON,
    keyring: Keyring | None = None,
    **lead: Any,
) -> Attempt:
    assert plan.production is not None
    return deliver(
        plan,
        plan.production,
        context(lead, now),
        attempt=1,
        idempotency_key=key,
        test=False,
        door=door,
        keyring=keyring,
    )
