"""Test cases of recipients with the fields of the flows that they stand in: run, and made.

What a case is and how it is judged: `recipients.testcases`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Max

from flows import fields
from flows.models import FlowField
from flows.trying import startingcases, testcalls
from leadops.lib import ids
from leadops.lib.http import Door, Reply
from leadops.lib.http.addresses import Network
from recipients import testcases, validation
from recipients.deliver import deliver
from recipients.loading import compile_recipient
from recipients.mapping import text_of
from recipients.models import Recipient, TestCase
from recipients.plan import RecipientPlan
from recipients.secretuse import SecretUse
from recipients.testcases import Case, Judged
from recipients.tokenstore import keyring
from recipients.vault import stored_secrets

# When cases are sent that say nothing else, so that a request is the same on every day.
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LEAD_ID = "test_00000000000000000000CASE"
OF_SOURCE = "source."  # what begins so is the source's, not the lead's
BROKEN = "Configuration error"


@dataclass(frozen=True, slots=True)
class Broken:
    """A case that passed before a change and fails after it."""

    name: str
    failures: tuple[str, ...]


def compiled(recipient_id: str) -> RecipientPlan:
    """The recipient as it stands in the database, also within a transaction."""
    query = Recipient.objects.prefetch_related(
        "endpoints", "mapping_rows", "response_rules", "retry_rules"
    )
    return compile_recipient(query.get(pk=recipient_id), *stored_secrets())


def cases_of(recipient: Recipient, plan: RecipientPlan) -> list[Case]:
    kinds = _kinds(recipient)
    return [_case(row, plan, kinds) for row in recipient.test_cases.all()]


def run(plan: RecipientPlan, cases: Iterable[Case], *, by: str = "") -> list[Judged]:
    """Run cases. Those that call the sandbox do so when `by` says for whom, else they are left
    out."""
    found = []
    for case in cases:
        if plan.paused_reason.startswith(BROKEN):
            found.append(Judged(case, problem=plan.paused_reason))
        elif not case.sandbox:
            found.append(testcases.run(plan, case))
        elif by:
            found.append(_at_sandbox(plan, case, by=by))
    return found


def failing(recipient_id: str) -> dict[str, Judged]:
    """By name, the cases with simulated replies that fail as the recipient stands."""
    recipient = Recipient.objects.get(pk=recipient_id)
    if not recipient.test_cases.exists():
        return {}
    plan = compiled(recipient_id)
    if plan.paused_reason.startswith(BROKEN):
        return {}  # said elsewhere, and it gets no leads
    return {
        judged.case.name: judged
        for judged in run(plan, cases_of(recipient, plan))
        if not judged.passed
    }


def broken(recipient_id: str, before: Mapping[str, Judged]) -> list[Broken]:
    """What a change breaks: the cases that fail now and are not among those failing `before`."""
    return [
        Broken(name, judged.failures)
        for name, judged in failing(recipient_id).items()
        if name not in before
    ]


def add_starting_set(recipient: Recipient) -> list[TestCase]:
    """Make cases of the fields of the recipient's flows; those whose names are taken are not."""
    plan = compiled(recipient.pk)
    there = set(recipient.test_cases.values_list("name", flat=True))
    last = recipient.test_cases.aggregate(last=Max("position"))["last"]
    place = -1 if last is None else last
    made = []
    for drafted in startingcases.drafts(_fields(recipient), plan):
        if drafted.name not in there:
            place += 1
            made.append(_made(recipient, plan, drafted, place))
    return made


def _made(
    recipient: Recipient, plan: RecipientPlan, drafted: startingcases.Draft, place: int
) -> TestCase:
    """A case kept. What it expects of the request is what goes out today."""
    row = TestCase(
        recipient=recipient,
        position=place,
        name=drafted.name,
        lead=dict(drafted.lead),
        at=drafted.at,
        reply_status=drafted.reply.status if drafted.reply else None,
        reply_headers="\n".join(f"{n}: {v}" for n, v in drafted.headers.items()),
        reply_body=drafted.reply.body.decode() if drafted.reply else "",
        outcome=drafted.outcome,
    )
    judged = testcases.run(plan, _case(row, plan, _kinds(recipient)))
    if judged.sent and not judged.problem:
        row.request, row.exact = judged.sent, True
    row.save()
    return row


def _fields(recipient: Recipient) -> list[startingcases.Field]:
    found = FlowField.objects.filter(flow__steps__recipients__recipient=recipient)
    named: dict[str, startingcases.Field] = {}
    for name, kind, required in (
        found.order_by("flow_id", "position").values_list("name", "type", "required").distinct()
    ):
        named.setdefault(name, startingcases.Field(name, kind, required))
    return list(named.values()) or list(startingcases.USUAL)


def _kinds(recipient: Recipient) -> dict[str, str]:
    found = FlowField.objects.filter(flow__steps__recipients__recipient=recipient)
    return dict(found.values_list("name", "type"))


def _case(row: TestCase, plan: RecipientPlan, kinds: Mapping[str, str]) -> Case:
    reply = None
    if row.reply_status is not None:
        headers = testcases.headers_of(validation.parse_headers(row.reply_headers))
        reply = Reply(row.reply_status, headers, row.reply_body.encode())
    return Case(
        name=row.name,
        context=context_of(row, plan, kinds),
        id=row.pk,
        reply=None if row.sandbox else reply,
        sandbox=row.sandbox,
        request=row.request,
        exact=row.exact,
        outcome=row.outcome,
        reason=row.reason,
        price=row.price,
    )


def context_of(row: TestCase, plan: RecipientPlan, kinds: Mapping[str, str]) -> dict[str, Any]:
    now = row.at or MOMENT
    source = {"id": "src_test", "slug": "test-case", "name": "Test case"}
    lead: dict[str, Any] = {
        "id": LEAD_ID,
        "timestamp": text_of(now),
        "source.name": source["name"],
    }
    for name, value in row.lead.items():
        if name.startswith(OF_SOURCE):
            source[name.removeprefix(OF_SOURCE)] = value
            continue
        kind = kinds.get(name)
        lead |= fields.flatten(name, fields.parse(kind, value)) if kind else {name: value}
    return {
        "lead": lead,
        "source": source,
        "flow": {"id": "flow_test", "slug": "test-case", "name": "Test case"},
        "recipient": plan.fields,
        "now": now,
        "delivery": {"id": LEAD_ID, "attempt": 1, "idempotency_key": LEAD_ID},
        "delivery_attempt": 1,
    }


@lru_cache(maxsize=2)
def _door(networks: tuple[Network, ...]) -> Door:
    return Door(private_networks=networks, pool_size=2)


def _at_sandbox(plan: RecipientPlan, case: Case, *, by: str) -> Judged:
    """The lead goes to the sandbox, marked as a test. Recorded as every test call is."""
    if plan.sandbox is None:
        return Judged(case, problem="There is no sandbox endpoint.")
    attempt = deliver(
        plan,
        plan.sandbox,
        case.context,
        attempt=1,
        idempotency_key=ids.new_id("test"),
        test=True,
        door=_door(tuple(settings.LEADOPS_PRIVATE_NETWORKS)),
        keyring=keyring(),
    )
    SecretUse(keyring()).write()
    result = attempt.result
    testcalls.record(
        plan,
        plan.sandbox,
        by=by,
        outcome=str(result.outcome),
        reason=result.reason,
        test_case=case.name,
    )
    return testcases.judge(plan, case, attempt)
