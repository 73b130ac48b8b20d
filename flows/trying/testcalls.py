"""Test calls: a made-up lead to one endpoint, or its credentials tried without any.

A good one shows that a paused endpoint takes us again, and resumes it with what waited for it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from events import shapes
from events.journal import Journal
from events.vocabulary import EventType
from flows import fields, plans
from flows.byhand import steering
from flows.fields.samples import sample_of
from flows.models import FlowField
from leadops.lib import ids
from leadops.lib.http import Door
from leadops.lib.http.addresses import Network
from recipients import probing
from recipients.auth import SCHEMES, AuthError, Fetching, Session
from recipients.deliver import Attempt, deliver
from recipients.integrations import INTEGRATIONS
from recipients.mapping import text_of
from recipients.models import Endpoint, Recipient
from recipients.plan import AuthKind, EndpointPlan, RecipientPlan
from recipients.secretuse import SecretUse
from recipients.tokenstore import keyring

TIMEOUT = 20.0  # seconds, whatever the endpoint's own: somebody waits for it
# Statuses that prove nothing of our credentials, however a rule reads them.
NOWHERE = frozenset({404, 405})
MAX_FIELDS = 100


class NotPossible(Exception):
    """No call can be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a test lead. `good`: the buyer took our credentials and judged the lead."""

    endpoint: EndpointPlan
    attempt: Attempt
    good: bool
    resumed: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of trying credentials; `problem` is blank when they were taken.

    `probed`: by the service itself, not only by whoever gives out its tokens.
    """

    endpoint: EndpointPlan
    problem: str = ""
    seconds: float = 0.0
    probed: bool = False


@lru_cache(maxsize=2)
def _door(networks: tuple[Network, ...]) -> Door:
    return Door(private_networks=networks, pool_size=2)


def sample_values(recipient: Recipient) -> dict[str, Any]:
    """Invented values for the fields of the flows that the recipient stands in.

    No person's: a test lead may end in a buyer's books.
    """
    found = FlowField.objects.filter(flow__steps__recipients__recipient=recipient)
    rows = found.order_by("flow_id", "position").values_list("name", "type")[:MAX_FIELDS]
    named = dict(rows) or dict.fromkeys(("email", "first_name", "last_name", "phone_1"), "text")
    return {name: sample_of(name, kind) for name, kind in named.items()}


def is_fetching(endpoint: Endpoint) -> bool:
    """Whether its credentials can be tried without a lead."""
    chosen = INTEGRATIONS.get(endpoint.integration or endpoint.recipient.integration)
    probes = chosen is not None and chosen.probe is not None
    return probes or SCHEMES[AuthKind(endpoint.auth)].fetches


def call(
    recipient: Recipient,
    endpoint: Endpoint,
    *,
    by: str,
    values: Mapping[str, Any] | None = None,
    like: str = "",
) -> Called:
    """Send a test lead and resume the endpoint if it was taken. `like`: the id of the lead whose
    values it has. Raises NotPossible."""
    plan, target = _target(recipient, endpoint)
    test_id = ids.new_id("test")
    context = _context(plan, recipient, test_id, sample_values(recipient), values)
    attempt = deliver(
        plan,
        dataclasses.replace(target, timeout=min(target.timeout, TIMEOUT)),
        context,
        attempt=1,
        idempotency_key=test_id,
        test=True,
        door=_door(tuple(settings.LEADOPS_PRIVATE_NETWORKS)),
        keyring=keyring(),
    )
    SecretUse(keyring()).write()
    good = _is_good(attempt)
    outcome = str(attempt.result.outcome)
    own = {"like_lead": like} if like else {}
    record(recipient, target, by=by, outcome=outcome, reason=attempt.result.reason, **own)
    resumed = good and steering.resume_endpoint(
        endpoint, by=by, reason=f"A test call came to {outcome}"
    )
    return Called(target, attempt, good, resumed)


def _is_good(attempt: Attempt) -> bool:
    reply = attempt.reply
    if reply is None or reply.status in NOWHERE:
        return False
    return attempt.result.outcome.is_answer


def check(recipient: Recipient, endpoint: Endpoint, *, by: str) -> Checked:
    """Fetch a fresh token, and ask the service whether it knows us where it can be asked.

    No lead is sent. Raises NotPossible. It resumes nothing: that a token is given out says not
    that leads are taken with it.
    """
    plan, target = _target(recipient, endpoint)
    probes = probing.can_probe(target)
    begun = time.monotonic()
    problem = ""
    if SCHEMES[target.auth.kind].fetches or not probes:
        problem = _token_problem(plan, target)
    if probes and not problem:
        problem = _probed(plan, recipient, target)
    seconds = time.monotonic() - begun
    outcome = "unauthorized" if problem else "accepted"
    record(recipient, target, by=by, outcome=outcome, reason=problem, credentials=True)
    return Checked(target, problem, seconds, probed=probes)


def _probed(plan: RecipientPlan, recipient: Recipient, target: EndpointPlan) -> str:
    return probing.probe(
        plan,
        target,
        _context(plan, recipient, ids.new_id("test"), sample_values(recipient), None),
        door=_door(tuple(settings.LEADOPS_PRIVATE_NETWORKS)),
        keyring=keyring(),
        timeout=min(target.timeout, TIMEOUT),
    )


def _token_problem(plan: RecipientPlan, target: EndpointPlan) -> str:
    other = plan.second.endpoint(target.id) if plan.second else None
    problem = ""
    for endpoint in filter(None, (target, other)):
        try:
            _fetch(endpoint)
        except AuthError as error:
            problem = problem or plan.redactor.text(str(error))
        else:
            return ""
    return problem


def _fetch(endpoint: EndpointPlan) -> None:
    """Raises AuthError, NotPossible."""
    scheme = SCHEMES[endpoint.auth.kind]
    if not isinstance(scheme, Fetching):
        raise NotPossible("These credentials can only be tried with a lead.")
    began = time.time()
    session = Session(keyring().tokens, deadline=time.monotonic() + TIMEOUT)
    way = _door(tuple(settings.LEADOPS_PRIVATE_NETWORKS)).send
    token = scheme.token(endpoint.auth, session=session, way=way)
    if token.fetched_at < began:
        scheme.token(endpoint.auth, session=session, way=way, refused=token)


def _target(recipient: Recipient, endpoint: Endpoint) -> tuple[RecipientPlan, EndpointPlan]:
    plan = plans.current().recipients.get(recipient.id)
    if plan is None:
        raise NotPossible("Save the recipient first.")
    target = plan.endpoint(endpoint.id)
    if target is None:
        raise NotPossible(plan.paused_reason or "This endpoint is not in use.")
    return plan, target


def _context(
    plan: RecipientPlan,
    recipient: Recipient,
    test_id: str,
    sample: Mapping[str, Any],
    values: Mapping[str, Any] | None,
) -> dict[str, Any]:
    now = datetime.now(UTC)
    lead = {"id": test_id, "timestamp": text_of(now), "source.name": "Test call"}
    lead |= _parsed(recipient, sample if values is None else values)
    return {
        "lead": lead,
        "source": {"id": "src_test", "slug": "test-call", "name": "Test call"},
        "flow": {"id": "flow_test", "slug": "test-call", "name": "Test call"},
        "recipient": plan.fields,
        "now": now,
        "delivery": {"id": test_id, "attempt": 1, "idempotency_key": test_id},
        "delivery_attempt": 1,
    }


def _parsed(recipient: Recipient, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as intake reads them, with their components."""
    found = FlowField.objects.filter(flow__steps__recipients__recipient=recipient)
    kinds = dict(found.values_list("name", "type"))
    flat: dict[str, Any] = {}
    for name, value in values.items():
        kind = kinds.get(name)
        flat |= fields.flatten(name, fields.parse(kind, value)) if kind else {name: value}
    return flat


def record(
    recipient: Recipient | RecipientPlan,
    target: EndpointPlan,
    *,
    by: str,
    outcome: str,
    reason: str,
    **data: Any,
) -> None:
    """Record that somebody tried an endpoint, and what it came to."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        journal.operation(
            EventType.RECIPIENT_TESTED,
            entity_id=recipient.id,
            reason=reason,
            by=by,
            result=outcome,
            recipient=shapes.recipient(recipient),
            endpoint_id=target.id,
            endpoint=str(target.kind),
            **data,
        )
        journal.write(cursor)
