"""Requests as they would go out, without secrets, and without going out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from flows.turns.desk import Sending
from flows.turns.inquiries import Question
from recipients import drafts
from recipients.deliver import Attempt, RecordedRequest, rehearse
from recipients.mapping import Mapping, MappingError, Row
from recipients.models import MappingVersion, Recipient
from recipients.plan import RecipientPlan


@dataclass(frozen=True, slots=True)
class Shown:
    """A request for somebody's eyes. `problem` says why there is none."""

    request: RecordedRequest | None = None
    problem: str = ""

    @property
    def body(self) -> str:
        """JSON with its lines; other formats as they go out."""
        text = self.request.body if self.request else ""
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return text


@dataclass(slots=True)
class Rehearsals:
    """Requests of one walk. Mappings are compiled anew, with their secrets hidden: a template can
    cut a secret in pieces that no redactor would know again."""

    plans: dict[str, RecipientPlan] = field(default_factory=dict)

    def of(self, sending: Sending) -> Shown:
        """The request of a delivery."""
        plan = sending.plan
        try:
            mapping = _mapping(plan)
        except (MappingError, Recipient.DoesNotExist) as error:
            return Shown(problem=str(error))
        if plan.id not in self.plans:
            self.plans[plan.id] = drafts.without_mapping(plan.id)
        bare = replace(self.plans[plan.id], mapping=mapping, redactor=plan.redactor)
        endpoint = bare.endpoint(sending.endpoint.id) or sending.endpoint
        return _shown(rehearse(bare, endpoint, sending.context, reply=None))


def asked(question: Question) -> Shown:
    """The request of a call that delivers nothing: what the record would keep of it."""
    return _shown(rehearse(question.plan, question.endpoint, question.context, reply=None))


def _mapping(plan: RecipientPlan) -> Mapping:
    """Of the version that the delivery goes by."""
    recipient = Recipient.objects.prefetch_related("mapping_rows").get(pk=plan.id)
    version = MappingVersion.objects.filter(recipient=recipient, number=plan.version).first()
    if version is None:
        return drafts.saved(recipient).compiled()
    rows = tuple(Row(**row) for row in version.content.get("rows", ()))
    return drafts.Draft(rows, version.content.get("text", "")).compiled()


def _shown(attempt: Attempt) -> Shown:
    if attempt.request is not None:
        return Shown(attempt.request)
    result = attempt.result
    return Shown(problem=": ".join(filter(None, (result.reason, result.details))))
