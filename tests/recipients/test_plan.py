"""The ways to a recipient: in which order they are taken, and what deliveries call them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from recipients.plan import EndpointKind, EndpointPlan, RecipientPlan


def endpoint(kind: EndpointKind, id: str = "") -> EndpointPlan:
    return EndpointPlan(id=id or f"ep_{kind}", url=cast(Any, None), kind=kind)


PRODUCTION, BACKUP = endpoint(EndpointKind.PRODUCTION), endpoint(EndpointKind.BACKUP)
SANDBOX, REGION = endpoint(EndpointKind.SANDBOX), endpoint(EndpointKind.REGIONAL)
MAIL, WEBHOOK = (endpoint(EndpointKind.FALLBACK, id) for id in ("ep_mail", "ep_webhook"))


@pytest.fixture
def plan() -> RecipientPlan:
    nothing = cast(Any, None)
    return RecipientPlan(
        id="rcp_a",
        slug="a",
        name="A",
        mapping=nothing,
        reader=nothing,
        production=PRODUCTION,
        backup=BACKUP,
        sandbox=SANDBOX,
        fallbacks=(MAIL, WEBHOOK),
    )


def names(plan: RecipientPlan) -> list[str]:
    found = ["production"]
    while name := plan.after(found[-1]):
        found.append(name)
    return found


def test_it_goes_from_production_to_the_last_fallback(plan: RecipientPlan) -> None:
    assert names(plan) == ["production", "backup", "fallback", "fallback-2"]
    assert [plan.way(name) for name in names(plan)] == [PRODUCTION, BACKUP, MAIL, WEBHOOK]


def test_it_begins_anew_after_a_way_that_is_gone(plan: RecipientPlan) -> None:
    assert plan.after("fallback-9") == "backup"
    assert plan.way("fallback-9") is None


def test_it_begins_at_production_where_there_is_none(plan: RecipientPlan) -> None:
    assert names(replace(plan, production=None, fallbacks=())) == ["production", "backup"]


def test_it_names_endpoints(plan: RecipientPlan) -> None:
    assert [plan.name_of(each) for each in (PRODUCTION, REGION, SANDBOX, WEBHOOK)] == [
        "production",
        "production",
        "sandbox",
        "fallback-2",
    ]
    assert plan.way("sandbox") is SANDBOX
