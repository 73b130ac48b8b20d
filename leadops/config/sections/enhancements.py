"""`enhance` steps of a flow: how a service is asked about a lead, and what is appended."""

from __future__ import annotations

from typing import Any

from flows.models import Enhancement, Step
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import DURATION, KEPT, KEPT_OBJECT, MONEY, OBJECT, RULES
from leadops.config.plans import Draft, Plan
from leadops.config.sections.endpoints import (
    read_auth,
    read_headers,
    write_auth,
    write_headers,
)
from leadops.config.shapes import Key, Shape, default_of

SETTINGS = Shape(
    keys=(
        Key("service"),
        Key("url", KEPT),
        Key("method"),
        Key("format"),
        Key("send", KEPT_OBJECT),
        Key("append", OBJECT),
        Key("success"),
        Key("reason", field="reason_path"),
        Key("timeout", DURATION),
        Key("when", RULES),
        Key("cache.for", DURATION),
        Key("cache.key"),
        Key("cost", MONEY),
        Key("test_leads"),
        Key("pings"),
        Key("on_fail"),
    ),
    own=("headers", "auth"),
)
STEP = Shape(
    keys=(Key("enhance", field="name", required=True),),
    own=(*(key.name for key in SETTINGS.keys), *SETTINGS.own),
)


def read_enhancement(plan: Plan, step: Draft, found: dict[str, Item]) -> None:
    """Draft the settings of a step; one that was of another kind has none yet."""
    there = None if step.is_new else getattr(step.obj, "enhancement", None)
    draft = Draft(there or Enhancement(step=step.obj), step.item, is_new=there is None)
    draft.take(SETTINGS, found)
    read_headers(draft, found, None)
    read_auth(draft, found.get("auth"), None)
    plan.save(draft)


def forget_enhancement(plan: Plan, step: Draft) -> None:
    """A step of another kind has no settings of a service."""
    there = None if step.is_new else getattr(step.obj, "enhancement", None)
    plan.delete([there] if there else [])


def write_enhancement(step: Step, concealing: Concealing) -> dict[str, Any]:
    """The settings of a step, as far as somebody has said something."""
    row = getattr(step, "enhancement", None)
    if row is None:
        return {}
    document = SETTINGS.write(row, concealing.secret)
    for name in ("service", "test_leads", "pings", "on_fail", "cost"):
        if getattr(row, name) == default_of(row, name):
            document.pop(name, None)
    names = (step.flow.slug, step.name)
    if row.headers:
        document["headers"] = write_headers(row, concealing, names)
    if row.auth != Enhancement.Auth.NONE:
        document["auth"] = write_auth(row, concealing, names)
    return document
