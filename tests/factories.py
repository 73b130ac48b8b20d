"""Configuration, people and leads for tests; leads go through intake and the engine's turns, so
their events, snapshots, exchanges and figures are the real ones. Only the network is made up."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from events.models import Rollup
from flows import plans
from flows.arrival import intake, preparing, storing
from flows.models import Flow, FlowField, FlowSource, Source, SourceKey, Step, StepRecipient
from flows.turns import turn
from flows.turns.desk import Sending
from leadops.accounts.models import AccountKey, User
from leadops.lib import claim
from recipients.deliver import Attempt, RecordedReply, RecordedRequest
from recipients.models import Endpoint, MappingRow, PartnerKey, Recipient
from recipients.outcomes import Outcome, Result

VALUES = {
    "email": "john.smith@example.com",
    "phone_1": "(512) 555-1234",
    "first_name": "John",
    "last_name": "Smith",
    "state": "TX",
    "score": "85",
}
FIELDS = (
    ("email", "email", True, "personal"),
    ("phone_1", "phone", False, "personal"),
    ("first_name", "first_name", False, "personal"),
    ("last_name", "last_name", False, "personal"),
    ("ssn", "ssn", False, "sensitive"),
    ("state", "state", False, "plain"),
    ("score", "number", False, "plain"),
)
STATUS = {
    Outcome.ACCEPTED: 200,
    Outcome.REJECTED: 200,
    Outcome.DUPLICATE: 409,
    Outcome.INVALID: 422,
    Outcome.UNAUTHORIZED: 401,
    Outcome.RATE_LIMITED: 429,
    Outcome.SERVER_ERROR: 503,
    Outcome.UNREADABLE: 200,
}
KEYS = {"source": "src_test_key_0001", "partner": "rcp_test_key_0001", "staff": "usr_test_key_0001"}


def make_source(slug: str = "web-form-a", *, key: str = "", price: str = "15.00") -> Source:
    source = Source.objects.create(
        slug=slug, name=slug.replace("-", " ").title(), price=Decimal(price)
    )
    if key:
        held = SourceKey(source=source)
        held.set(key)
        held.save()
    return source


def make_recipient(
    slug: str = "abc-insurance", *, price: str = "45.00", key: str = "", **fields: Any
) -> Recipient:
    fields = {"name": slug.replace("-", " ").title(), "tier": "premium", **fields}
    recipient = Recipient.objects.create(
        slug=slug, price=Decimal(price), success='status = "accepted"', **fields
    )
    Endpoint.objects.create(recipient=recipient, url=f"https://api.{slug}.example/leads")
    MappingRow.objects.create(recipient=recipient, key="email", value="{{lead.email}}")
    if key:
        held = PartnerKey(recipient=recipient)
        held.set(key)
        held.save()
    return recipient


def make_flow(
    source: Source,
    *recipients: Recipient,
    slug: str = "auto-insurance",
    pattern: str = "waterfall",
) -> Flow:
    """A flow with a filter on the state and one deliver step."""
    flow = Flow.objects.create(slug=slug, name=slug.replace("-", " ").title())
    for position, (name, kind, required, privacy) in enumerate(FIELDS):
        FlowField.objects.create(
            flow=flow, name=name, type=kind, required=required, privacy=privacy, position=position
        )
    FlowSource.objects.create(flow=flow, source=source)
    Step.objects.create(
        flow=flow,
        name="geographic_filter",
        rules={"all": [{"field": "state", "op": "in", "value": ["TX", "CA", "FL"]}]},
        reason="State not in approved list",
    )
    step = Step.objects.create(
        flow=flow, name="buyers", kind="deliver", position=1, pattern=pattern
    )
    for position, recipient in enumerate(recipients):
        StepRecipient.objects.create(step=step, recipient=recipient, position=position)
    return flow


def make_user(
    username: str = "olga",
    *,
    role: str = "ops",
    recipients: Sequence[Recipient] = (),
    key: str = "",
) -> User:
    user = User.objects.create_user(username=username, password="correct-horse", role=role)
    user.recipients.set(recipients)
    if key:
        held = AccountKey(user=user)
        held.set(key)
        held.save()
    return user


def bearer(key: str) -> dict[str, str]:
    """The headers of the test client for an API key."""
    return {"HTTP_AUTHORIZATION": f"Bearer {key}"}


def post_lead(flow: Flow, source: Source, *, test: bool = False, **values: Any) -> storing.Answer:
    """A lead at the door, answered; nothing has been sent yet."""
    current = plans.current()
    return intake.receive(
        current.flows[flow.id],
        current.sources[source.id],
        preparing.Submission({**VALUES, **values}, test=test),
        at=datetime.now(UTC),
    )


def deliver_lead(
    flow: Flow,
    source: Source,
    *,
    outcomes: Mapping[str, Sequence[Outcome]] | None = None,
    test: bool = False,
    seconds: float = 0.25,
    **values: Any,
) -> str:
    """Post a lead and work on it to its end; give its id.

    `outcomes` says, by slug of the recipient, what its attempts come to in order; a recipient
    that has none left accepts. Retries are made at once.
    """
    answer = post_lead(flow, source, test=test, **values)
    left = {slug: list(given) for slug, given in (outcomes or {}).items()}
    worker = _Worker()
    starts = worker.begin(answer.lead_id)
    while starts:
        results = []
        for sending in starts:
            queue = left.get(sending.plan.slug) or [Outcome.ACCEPTED]
            results.append((sending, make_attempt(sending, queue.pop(0), seconds=seconds)))
        starts = worker.take((), results).starts or worker.begin(answer.lead_id)
    return answer.lead_id


def make_attempt(sending: Sending, outcome: Outcome, *, seconds: float = 0.25) -> Attempt:
    """An attempt that came to `outcome`, with a request and a reply as buyers send them."""
    lead = sending.context["lead"]
    request = RecordedRequest(
        "POST",
        f"https://api.{sending.plan.slug}.example/leads",
        {
            "Content-Type": "application/json",
            "Authorization": "•••",
            "Idempotency-Key": sending.delivery_id,
            "X-Attempt": str(sending.attempt),
        },
        json.dumps(
            {
                "firstName": lead.get("first_name"),
                "email": lead.get("email"),
                "phone": f"({str(lead.get('phone_1'))[:3]}) {str(lead.get('phone_1'))[3:6]}-"
                f"{str(lead.get('phone_1'))[6:]}",
                "state": lead.get("state"),
            }
        ),
    )
    reply = None
    if status := STATUS.get(outcome):
        body = {"status": str(outcome), "leadId": f"buyer-{sending.attempt}", "price": 45.0}
        reply = RecordedReply(status, {"Content-Type": "application/json"}, json.dumps(body))
    accepted = outcome is Outcome.ACCEPTED
    return Attempt(
        result=Result(
            outcome,
            reason="" if accepted else outcome.value.replace("_", " ").capitalize(),
            details="" if accepted else "As the test asked for",
            buyer_lead_id="buyer-1" if accepted else "",
        ),
        request=request,
        reply=reply,
        seconds=seconds,
    )


class _Worker:
    """A pump's turns, without the pump."""

    def __init__(self) -> None:
        self.lease = str(uuid.uuid4())

    def begin(self, lead_id: str) -> list[Sending]:
        """Begin what the lead has waiting, retries at once."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s' "
                "WHERE lead_id = %s AND due_at < 'infinity' AND lease IS NULL",
                [lead_id],
            )
            claimed = claim.claim(
                cursor, "flows_work", lease=self.lease, seconds=90, places={}, otherwise=100
            )
        return self.take([each for each in claimed if each.lead_id == lead_id], ()).starts

    def take(self, claimed: Any, results: Any) -> turn.Done:
        return turn.take(turn.Turn(list(claimed), list(results), self.lease, 90, lambda _: True))


def count(hour: datetime, kind: str, *, n: int = 1, **fields: Any) -> Rollup:
    """Counted events of an hour, without the events: for figures of the past."""
    defaults: dict[str, Any] = {
        "flow_id": "flow_x",
        "source_id": "src_x",
        "recipient_id": "",
        "outcome": "accepted",
        "category": "",
        "reason": "",
        "attempt": 1 if kind in ("attempt", "delivery") else 0,
        "bucket": -1,
        "test": False,
        "ms": 0,
        "revenue": 0,
        "cost": 0,
    }
    return Rollup.objects.create(hour=hour, kind=kind, n=n, **{**defaults, **fields})
