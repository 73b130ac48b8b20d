"""What the enhancement steps of flows append: names for those who write rules and mappings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.models import Enhancement
from flows.services import SERVICES
from flows.steps import appending
from flows.steps.appending import Appended
from recipients.termerrors import TermError


def of_flows(flows: Sequence[str]) -> Iterator[tuple[str, Appended]]:
    """Each value with the name of its step, in the order of the steps; of several flows each
    once."""
    rows = Enhancement.objects.filter(step__flow__in=flows).order_by("step__flow", "step__position")
    done = set()
    for step, service, document in rows.values_list("step__name", "service", "append"):
        for each in _values(service, document):
            if (step, each.name) not in done:
                done.add((step, each.name))
                yield step, each


def sensitive(flows: Sequence[str]) -> list[str]:
    """The names of those that are in no snapshot, as rules name them."""
    return [
        appending.key(step, each.name)
        for step, each in of_flows(flows)
        if each.privacy == "sensitive"
    ]


def _values(service: str, document: object) -> tuple[Appended, ...]:
    known = SERVICES.get(service)
    try:
        return appending.parse(document or (known.append if known else {}))
    except TermError:
        return ()  # written round the validation; the step says so itself
