"""A small configuration, and a hand that drives leads through it turn by turn, without buyers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from events.models import Delivery, Event, Lead
from flows import plans
from flows.arrival import intake, preparing, storing
from flows.byhand import moving
from flows.models import Flow, FlowField, FlowMove, FlowSource, Source, Step, StepRecipient, Work
from flows.turns import turn
from flows.turns.desk import Sending
from flows.turns.inquiries import Answers, Inquiry
from leadops.lib import claim
from recipients.deliver import Attempt, RecordedReply, RecordedRequest
from recipients.models import Endpoint, MappingRow, Recipient
from recipients.outcomes import Outcome, Result

LEAD = {"email": "ann@example.com", "phone_1": "5555551234", "state": "TX", "first_name": "Ann"}
FIELDS = (("email", "email", True), ("phone_1", "phone", False), ("state", "state", False))


def recipient(slug: str, price: str = "45.00", *, sandbox: bool = False) -> Recipient:
    made = Recipient.objects.create(
        slug=slug,
        name=slug.title(),
        price=Decimal(price),
        success='status = "accepted"',
        lead_id_path="leadId",
        price_path="price",
    )
    Endpoint.objects.create(recipient=made, url=f"https://{slug}.example/leads")
    if sandbox:
        Endpoint.objects.create(
            recipient=made, kind="sandbox", url=f"https://sandbox.{slug}.example/leads"
        )
    MappingRow.objects.create(recipient=made, key="email", value="{{lead.email}}")
    return made


def attempt(outcome: Outcome, **facts: Any) -> Attempt:
    """An attempt that came to `outcome`, with an exchange."""
    request = RecordedRequest("POST", "https://buyer.example/leads", {"X-Attempt": "1"}, "{}")
    reply = RecordedReply(200, {"content-type": "application/json"}, '{"status": "accepted"}')
    sent = outcome is not Outcome.UNAVAILABLE
    return Attempt(
        result=Result(outcome, **facts),
        request=request,
        reply=reply if sent and outcome is not Outcome.UNKNOWN else None,
        seconds=0.25,
    )


@dataclass
class Scene:
    flow: Flow
    source: Source
    lease: str = field(default_factory=lambda: str(uuid.uuid4()))
    lease_seconds: float = 90.0

    def post(self, test: bool = False, key: str = "", **values: Any) -> storing.Answer:
        current = plans.current()
        return intake.receive(
            current.flows[self.flow.id],
            current.sources[self.source.id],
            preparing.Submission({**LEAD, **values}, test=test, key=key),
            at=datetime.now(UTC),
        )

    def claim(self) -> list[claim.Claimed]:
        with connection.cursor() as cursor:
            return claim.claim(
                cursor,
                "flows_work",
                lease=self.lease,
                seconds=self.lease_seconds,
                places={},
                otherwise=100,
            )

    def take(
        self,
        claimed: Iterable[claim.Claimed] = (),
        results: Iterable[tuple[Sending, Attempt]] = (),
        *,
        answers: Iterable[tuple[Inquiry, Answers]] = (),
        places: bool = True,
    ) -> turn.Done:
        return turn.take(
            turn.Turn(
                list(claimed),
                list(results),
                self.lease,
                self.lease_seconds,
                lambda _: places,
                list(answers),
            )
        )

    def start(self) -> list[Sending]:
        """Claim what is due and begin it."""
        return self.take(self.claim()).starts

    def play(self, **answers: list[Attempt]) -> None:
        """Work until nothing is left to do, each recipient answering by its list, in order."""
        starts = self.start()
        while starts or self.hurry():
            starts = starts or self.start()
            results = [(sending, answers[sending.plan.slug].pop(0)) for sending in starts]
            starts = self.take((), results).starts

    def hurry(self) -> bool:
        """Let what waits for a retry be due now; False when nothing waits."""
        waiting = Work.objects.exclude(due_at__gt=datetime(9000, 1, 1, tzinfo=UTC))
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 second' "
                "WHERE due_at < 'infinity' AND lease IS NULL"
            )
        return waiting.exists()

    def expire(self) -> None:
        """Let all leases run out."""
        with connection.cursor() as cursor:
            cursor.execute("UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s'")

    def move(self) -> FlowMove:
        """Have the leads of all earlier versions go on by the flow as it is."""
        newest = plans.current().flows[self.flow.id].version
        made = moving.start(self.flow, range(newest), by="olga")
        assert moving.work(made.id, seconds=60.0, stopping=lambda: False)
        made.refresh_from_db()
        return made

    def lead(self, answer: storing.Answer) -> Lead:
        return Lead.objects.get(id=answer.lead_id)

    def types(self, answer: storing.Answer) -> list[str]:
        events = Event.objects.filter(lead_id=answer.lead_id).order_by("seq")
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        return [e.type for e in events]

    def event(self, answer: storing.Answer, kind: str) -> Event:
        return Event.objects.filter(lead_id=answer.lead_id, type=kind).latest("seq")

    def delivery(self, slug: str) -> Delivery:
        return Delivery.objects.get(recipient__slug=slug)


def scene(
    *recipients: Recipient, pattern: str = "single", remediation: Recipient | None = None
) -> Scene:
    """One source, one flow with a filter and a deliver step."""
    source = Source.objects.create(slug="web", name="Web Form A", price=Decimal(15))
    flow = Flow.objects.create(slug="auto", name="Auto")
    for position, (name, kind, required) in enumerate(FIELDS):
        FlowField.objects.create(
            flow=flow, name=name, type=kind, required=required, position=position
        )
    FlowSource.objects.create(flow=flow, source=source)
    Step.objects.create(
        flow=flow,
        name="geographic_filter",
        rules={"all": [{"field": "state", "op": "in", "value": ["TX", "CA"]}]},
        reason="State not in approved list",
    )
    step = Step.objects.create(
        flow=flow,
        name="buyers",
        kind="deliver",
        position=1,
        pattern=pattern,
        remediation=remediation,
    )
    for position, each in enumerate(recipients):
        StepRecipient.objects.create(step=step, recipient=each, position=position)
    return Scene(flow, source)
