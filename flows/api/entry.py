"""The way in, the same at every door that takes leads: who deals with whom, from where, what a
lead may look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework import exceptions
from rest_framework.request import Request

from flows.arrival.preparing import Submission
from flows.plan import FlowPlan, Plans, SourcePlan
from leadops.lib import callers
from leadops.lib.api import MAX_FIELDS, Conflict, WrongShape

MAX_NAME = 100  # characters of a field's name
MAX_DEPTH = 10
MAX_KEY = 255  # characters of an Idempotency-Key
TRUE = frozenset({"1", "true", "yes", "on"})


def parties(current: Plans, flow: str, source_id: str) -> tuple[SourcePlan, FlowPlan]:
    """The source and flow, if they deal with each other at the moment; raises APIException."""
    plan = current.flow(flow)
    source = current.sources.get(source_id)
    if plan is None:
        raise exceptions.NotFound(f"There is no flow {flow!r}.")
    if source is None or not source.active:
        raise exceptions.PermissionDenied("This source is switched off.")
    if source.id not in plan.terms:
        raise exceptions.PermissionDenied(f"This source may not send to {plan.slug}.")
    if not plan.active:
        raise Conflict(f"The flow {plan.slug} is paused; it takes no leads.")
    return source, plan


def check_address(request: Request, source: SourcePlan, flow: FlowPlan) -> None:
    """Raises PermissionDenied where the source may not send from there."""
    networks = flow.terms[source.id].networks
    if not networks:
        return
    address = address_of(request)
    if not callers.is_in(address, networks):
        seen = address or "an unknown address"
        raise exceptions.PermissionDenied(f"{source.name} may not send from {seen}.")


def address_of(request: Request) -> callers.Address | None:
    return callers.address_of(request.META, proxies=settings.LEADOPS_TRUSTED_PROXIES)


def submission_of(data: Any, headers: Mapping[str, str]) -> Submission:
    """The lead in `data`; raises WrongShape."""
    if not isinstance(data, dict):
        raise WrongShape("A lead is an object of fields.")
    check(data)
    key = headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY:
        raise WrongShape(f"Idempotency-Key: at most {MAX_KEY} characters.")
    values = dict(data)
    test = values.pop("test", False)
    test = test is True or str(test).lower() in TRUE
    test = test or headers.get("X-LeadOps-Test", "").lower() in TRUE
    ping = str(values.pop("ping_id", "") or "")
    return Submission(values=values, test=test, key=key.replace("\0", ""), ping=ping[:MAX_KEY])


def check(data: dict[str, Any]) -> None:
    """Bounds on what a lead may look like."""
    if len(data) > MAX_FIELDS:
        raise WrongShape(f"A lead has at most {MAX_FIELDS} fields.")
    problems = {}
    for name, value in data.items():
        if not name or len(name) > MAX_NAME or not name.isprintable():
            problems[name[:MAX_NAME] or "(blank)"] = "Not a name for a field."
        elif deeper(value, MAX_DEPTH):
            problems[name] = f"Nested deeper than {MAX_DEPTH} levels."
    if problems:
        raise WrongShape("Some fields cannot be taken.", problems)


def deeper(value: Any, levels: int) -> bool:
    """Is the value nested deeper than so many levels?"""
    if not isinstance(value, dict | list):
        return False
    if levels <= 0:
        return True
    items = value.values() if isinstance(value, dict) else value
    return any(deeper(item, levels - 1) for item in items)
