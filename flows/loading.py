"""The configuration compiled from its rows: sources, flows, recipients."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from django.db import connection, transaction

from events.masking import Private
from flows import contents
from flows import versions as flow_versions
from flows.arrival import consent, terms
from flows.arrival.terms import Stored
from flows.models import Flow, FlowField, Revision, Source, Step
from flows.plan import (
    DeliverStep,
    Earlier,
    FieldPlan,
    FlowPlan,
    Needs,
    Plans,
    SourcePlan,
    StepPlan,
    needs_of,
    step_caps,
)
from flows.steps import compiling, enhancements
from flows.steps.enhancements import EnhanceStep
from recipients import caps, suppression, versions
from recipients.loading import load_recipients
from recipients.plan import RecipientPlan
from recipients.vault import stored_secrets

log = logging.getLogger(__name__)


def load_plans() -> Plans:
    """Read and compile everything; about a dozen queries, whatever the size.

    What somebody changed without recording a version is recorded here, as it was found: leads are
    told apart by the number of the version that they came under.
    """
    versions.keep_all()
    with transaction.atomic():  # one moment for all of them
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        revision = Revision.objects.filter(id=1).values_list("number", flat=True).first() or 0
        recipients = load_recipients()
        sources = {source.id: _source(source) for source in Source.objects.all()}
        flows = {plan.id: plan for plan in _flows(recipients)}
        drafts = flow_versions.drafts(plan.id for plan in flows.values() if not plan.version)
    for draft in drafts:
        number = flow_versions.record(draft)
        flows[draft.flow_id] = replace(flows[draft.flow_id], version=number)
    return Plans(
        revision=revision,
        flows=flows,
        flow_slugs={plan.slug: plan.id for plan in flows.values()},
        sources=sources,
        recipients=recipients,
        choosy={id: plan for id, plan in recipients.items() if plan.looks_up},
        earlier=Earlier(
            Needs(counts=any(plan.caps or plan.limits for plan in recipients.values()))
            | needs_of(flows.values())
        ),
    )


def _recipients(steps: tuple[StepPlan, ...]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, DeliverStep):
            yield from (candidate.recipient for candidate in step.candidates)
            if step.remediation:
                yield step.remediation.recipient


def _source(source: Source) -> SourcePlan:
    return SourcePlan(
        id=source.id,
        slug=source.slug,
        name=source.name,
        active=source.active,
        price=source.price,
        values={
            **source.fields,
            "id": source.id,
            "slug": source.slug,
            "name": source.name,
            "price": source.price,
        },
        open_submit=source.open_submit,
        allowed_origins=frozenset(source.allowed_origins),
        redirect_hosts=tuple(source.redirect_hosts),
    )


def _flows(recipients: Mapping[str, RecipientPlan]) -> list[FlowPlan]:
    """All flows that compile. Of one that does not, leads wait until it is mended."""
    found, stored = [], functools.cache(stored_secrets)
    names = {plan.id: plan.name for plan in recipients.values()}
    numbers = flow_versions.newest()
    query = Flow.objects.prefetch_related("fields", "sources__source", "suppress")
    for flow in query.prefetch_related("steps__recipients", "steps__enhancement"):
        try:
            plan = _flow(flow, recipients, stored)
        except (ValueError, KeyError) as error:  # every compile error of ours is a ValueError
            log.error("The flow %s cannot be used: %s", flow.slug, error)
            continue
        digest = contents.digest(contents.written(flow, names))
        number, recorded = numbers.get(flow.id, (0, ""))
        found.append(replace(plan, digest=digest, version=number if recorded == digest else 0))
    return found


def _flow(flow: Flow, recipients: Mapping[str, RecipientPlan], stored: Stored) -> FlowPlan:
    base = FlowPlan(
        id=flow.id,
        slug=flow.slug,
        name=flow.name,
        currency=flow.currency,
        active=flow.active,
        fields=(),
        terms={row.source_id: terms.of(row, stored) for row in flow.sources.all()},
        steps=(),
        caps=caps.parse(flow.caps, owner=flow.id),
        duplicates=tuple(tuple(group) for group in flow.duplicate_match),
        duplicates_within=flow.duplicate_within or 0.0,
        suppress=suppression.plans_of(flow.suppress.all()),
    )
    return inside(base, flow, flow.fields.all(), flow.steps.all(), recipients, stored)


def inside(
    base: FlowPlan,
    flow: Flow,
    fields: Iterable[FlowField],
    steps: Iterable[Step],
    recipients: Mapping[str, RecipientPlan],
    stored: Stored,
) -> FlowPlan:
    """`base` with all that leads inside go by, compiled from rows."""
    steps = list(steps)
    others = [step.name for step in steps if step.kind == Step.Kind.ENHANCE]
    compiled = tuple(
        enhancements.compiled(step, stored, others=others)
        if step.kind == Step.Kind.ENHANCE
        else compiling.compiled(step, recipients)
        for step in steps
    )
    typed = [FieldPlan(f.name, f.type, f.required, f.privacy) for f in fields]
    return replace(
        base,
        currency=flow.currency,
        fields=tuple(typed),
        steps=compiled,
        recipients=frozenset(_recipients(compiled)),
        step_caps=tuple(step_caps(compiled)),
        waits=any(isinstance(s, DeliverStep) and s.pattern.uses_tiers for s in compiled),
        consent=_consent(flow),
        private=Private.of(
            {f.name: f.privacy for f in typed},
            *(step.private for step in compiled if isinstance(step, EnhanceStep)),
        ),
    )


def _consent(flow: Flow) -> consent.Terms | None:
    if not flow.consent_field:
        return None
    return consent.Terms(
        field=flow.consent_field,
        required=flow.consent_required,
        max_age=flow.consent_max_age,
        at=flow.consent_at,
        text=flow.consent_text,
    )
