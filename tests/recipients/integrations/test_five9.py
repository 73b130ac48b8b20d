from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.integrations import FieldError, integration_for
from recipients.options import compile_options
from recipients.plan import Auth, RecipientPlan
from recipients.transports import Job
from recipients.transports.five9 import Five9Transport
from tests.recipients.integrations.scenes import job_at, plan_for, send
from tests.recipients.transports.contract import TransportContract

NAME = "five9.add_to_list"
MAPPING = {
    "number1": "{{lead.phone_1}}",
    "first_name": "{{lead.first_name}}",
    "account_number": "{{lead.id}}",
}
DOMAIN = {"domain": "Acme Sales", "list": "New Leads {{lead.state}}"}
WINDOW = {"call_window": "9am-8pm", "timezone": "{{lead.timezone}}"}


class TestFive9(TransportContract):
    transport = Five9Transport()

    def job(self, url: str, **settings: Any) -> Job:
        options = compile_options(integration_for(NAME).options, DOMAIN)
        return job_at(url, "/web2campaign/", {"number1": "5125551234"}, options, **settings)


def plan(buyers: Buyers, org: str, *, error: str = "", **options: Any) -> RecipientPlan:
    broken = f"/~{error}" if error else ""
    url = f"{buyers.url}/b/{org}/five9{broken}"
    return plan_for(NAME, url, MAPPING, auth=Auth(), **{**DOMAIN, **options})


def posted(buyers: Buyers, org: str) -> dict[str, list[str]]:
    return parse_qs(buyers.log(path=f"/b/{org}/")[-1]["body"])


def test_it_adds_a_record(buyers: Buyers, door: Door) -> None:
    made = plan(
        buyers,
        "f9-add",
        key="number1, account_number",
        priority="{{#if lead.score > 80}}1{{else}}2{{/if}}",
        max_attempts=3,
        **WINDOW,
    )
    attempt = send(made, door)
    assert attempt.result.accepted, attempt.result
    assert buyers.log(path="/b/f9-add/")[0]["path"].endswith("/five9/web2campaign/AddToList")
    form = posted(buyers, "f9-add")
    assert form["F9key"] == ["number1", "account_number"]
    assert (form["F9domain"], form["F9list"]) == (["Acme Sales"], ["New Leads TX"])
    assert (form["priority"], form["max_attempts"]) == (["1"], ["3"])
    assert form["F9retResults"] == form["F9updateCRM"] == ["1"]
    assert "F9TimeToCall" not in form  # it is noon where the lead is


@pytest.mark.parametrize(
    ("now", "when"),
    [
        (datetime(2026, 1, 15, 12, 0, tzinfo=UTC), "2026-01-15 09:00:00 -0500"),
        (datetime(2026, 1, 16, 1, 0, tzinfo=UTC), "2026-01-16 09:00:00 -0500"),
        # The clocks go forward that night.
        (datetime(2026, 3, 8, 2, 0, tzinfo=UTC), "2026-03-08 09:00:00 -0400"),
    ],
)
def test_it_has_the_lead_called_when_its_window_opens(
    buyers: Buyers, door: Door, now: datetime, when: str
) -> None:
    made = plan(buyers, f"f9-{now:%m%d}", call_asap=True, **WINDOW)
    assert send(made, door, now=now).result.accepted
    form = posted(buyers, f"f9-{now:%m%d}")
    assert form["F9TimeToCall"] == [when]
    assert form["F9TimeFormat"] == ["yyyy-MM-dd HH:mm:ss Z"]
    assert "F9CallASAP" not in form


def test_it_has_the_lead_called_first(buyers: Buyers, door: Door) -> None:
    made = plan(buyers, "f9-asap", call_asap=True)
    assert send(made, door, now=datetime.now(UTC) - timedelta(hours=3)).result.accepted
    assert posted(buyers, "f9-asap")["F9CallASAP"] == ["1"]


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc"])
def test_it_calls_nobody_at_an_unknown_hour(buyers: Buyers, door: Door, zone: str) -> None:
    attempt = send(plan(buyers, "f9-zone", **WINDOW), door, timezone=zone)
    assert attempt.result.reason == "Time zone of the lead is not known"
    assert buyers.log(path="/b/f9-zone/") == []


def test_it_reads_a_record_that_is_on_the_list_already(buyers: Buyers, door: Door) -> None:
    made = plan(buyers, "f9-twice")
    assert send(made, door).result.accepted
    again = send(made, door)
    assert again.result.outcome == "duplicate"
    assert again.result.reason == "The record already exists in the list and was not added"
    other = send(plan(buyers, "f9-twice", list="Other"), door)
    assert (other.result.outcome, other.result.captures["error_code"]) == ("accepted", "602")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("1", "server_error"),
        ("600", "invalid"),
        ("700", "invalid"),
        ("708", "invalid"),
        ("714", "invalid"),
        ("715", "rate_limited"),
        ("716", "unauthorized"),
        ("718", "unauthorized"),
    ],
)
def test_it_reads_its_errors(buyers: Buyers, door: Door, code: str, outcome: str) -> None:
    attempt = send(plan(buyers, "f9-errors", error=code), door)
    assert attempt.result.outcome == outcome
    assert attempt.reply is not None
    assert attempt.result.reason in attempt.reply.body


def test_it_wants_a_time_zone_with_a_window() -> None:
    chosen = integration_for(NAME)
    assert chosen.check is not None
    options = compile_options(chosen.options, {**DOMAIN, "call_window": "9am-8pm"})
    with pytest.raises(FieldError, match="timezone"):
        chosen.check(None, options)  # type: ignore[arg-type]
