from __future__ import annotations

from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.integrations import INTEGRATIONS
from recipients.plan import Auth, AuthKind
from recipients.probing import can_probe, probe
from tests.recipients.integrations.scenes import TOKEN, context, plan_for

SALESFORCE, HUBSPOT = "salesforce.create_lead", "hubspot.create_or_update_contact"
FIVE9: dict[str, Any] = {"domain": "Acme", "list": "New"}


def asked(name: str, url: str, door: Door, *, auth: Auth = TOKEN, **options: Any) -> str:
    plan = plan_for(name, url, {}, auth=auth, **options)
    assert plan.production is not None
    return probe(plan, plan.production, context({}), door=door, keyring=Keyring(), timeout=10.0)


def test_it_finds_that_a_service_knows_us_and_changes_nothing(buyers: Buyers, door: Door) -> None:
    at = f"{buyers.url}/b/probe"
    assert asked(SALESFORCE, f"{at}/salesforce", door) == ""
    assert asked(HUBSPOT, f"{at}/hubspot", door, portal_id="12345678") == ""
    assert asked("five9.add_to_list", f"{at}/five9", door, **FIVE9) == ""
    salesforce, hubspot, five9 = buyers.log(path="/b/probe/")
    assert (salesforce["method"], salesforce["path"][-6:]) == ("GET", "v62.0/")
    assert (hubspot["method"], hubspot["path"].endswith("/details")) == ("GET", True)
    assert "number1" not in five9["body"]


@pytest.mark.parametrize(
    ("name", "path", "options", "said"),
    [
        (SALESFORCE, "/salesforce", {"api_version": "15.0"}, "no Salesforce API 15.0"),
        (SALESFORCE, "/salesforce/~INVALID_SESSION_ID", {}, "Session expired"),
        (SALESFORCE, "/error", {}, "404"),
        (HUBSPOT, "/hubspot", {"portal_id": "99"}, "opens portal 12345678, not 99"),
        (HUBSPOT, "/hubspot/~403", {}, "scopes"),
        ("five9.add_to_list", "/five9", {**FIVE9, "domain": "Nowhere"}, "not found (718)"),
        ("five9.add_to_list", "/nothing", FIVE9, "404"),
    ],
)
def test_it_says_what_is_wrong(
    buyers: Buyers, door: Door, name: str, path: str, options: dict[str, Any], said: str
) -> None:
    problem = asked(name, buyers.url + path, door, **options)
    assert said.removesuffix("404") in problem
    assert problem


def test_it_says_that_credentials_are_refused(buyers: Buyers, door: Door) -> None:
    refused = Auth(AuthKind.BEARER, secret="expired")
    assert asked(HUBSPOT, f"{buyers.url}/hubspot", door, auth=refused).startswith("Authentication")


def test_it_says_that_nobody_is_there(door: Door) -> None:
    assert asked(SALESFORCE, "http://nobody.invalid", door)


def test_it_is_offered_where_there_is_such_a_call() -> None:
    with_one = {each.name for each in INTEGRATIONS.values() if each.probe}
    assert with_one == {SALESFORCE, HUBSPOT, "five9.add_to_list"}
    plan = plan_for("http", "https://buyer.example", {})
    assert plan.production is not None
    assert not can_probe(plan.production)
