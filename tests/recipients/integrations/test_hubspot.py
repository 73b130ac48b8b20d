from __future__ import annotations

import json
from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.plan import RecipientPlan
from recipients.transports import Job
from recipients.transports.hubspot import HubSpotTransport
from tests.recipients.integrations.scenes import job_at, plan_for, send
from tests.recipients.transports.contract import TransportContract

NAME = "hubspot.create_or_update_contact"
MAPPING = {
    "email": "{{lead.email}}",
    "firstname": "{{lead.first_name}}",
    "lastname": "{{lead.last_name}}",
    "lead_score": "{{lead.score}}",
}
LISTS = {
    "list": "New Leads - {{lead.product_interest}}",
    "workflow": "Welcome Series - {{lead.state}}",
}


class TestHubSpot(TransportContract):
    transport = HubSpotTransport()

    def job(self, url: str, **settings: Any) -> Job:
        payload = {"email": "a@example.com"}
        return job_at(url, "/crm/v3/objects/contacts", payload, **settings)


def plan(buyers: Buyers, org: str, *, error: str = "", **options: Any) -> RecipientPlan:
    broken = f"/~{error}" if error else ""
    return plan_for(NAME, f"{buyers.url}/b/{org}/hubspot{broken}", MAPPING, **options)


def calls(buyers: Buyers, org: str) -> list[str]:
    entries = buyers.log(path=f"/b/{org}/")
    return [f"{entry['method']} {entry['path'].partition('/hubspot')[2]}" for entry in entries]


def test_it_makes_a_contact_and_writes_it_again(buyers: Buyers, door: Door) -> None:
    first, again = send(plan(buyers, "hs-make"), door), send(plan(buyers, "hs-make"), door)
    assert first.result.accepted
    assert again.result.accepted
    assert first.result.buyer_lead_id == again.result.buyer_lead_id != ""
    assert (first.result.captures["created"], again.result.captures["created"]) == ("true", "false")
    (entry, _) = buyers.log(path="/b/hs-make/")
    assert entry["path"].endswith("/crm/v3/objects/contacts/batch/upsert")
    (one,) = json.loads(entry["body"])["inputs"]
    assert (one["idProperty"], one["id"]) == ("email", "john.smith@example.com")
    assert one["properties"]["lead_score"] == "85"


def test_it_refuses_a_contact_that_is_there_if_told_so(buyers: Buyers, door: Door) -> None:
    made = plan(buyers, "hs-create", existing="duplicate")
    first, again = send(made, door), send(made, door)
    assert first.result.accepted
    assert again.result.outcome == "duplicate"
    assert again.result.reason.startswith("Contact already exists")
    assert again.result.captures["existing_id"] == first.result.buyer_lead_id


def test_it_puts_the_contact_on_a_list_and_enrols_it(buyers: Buyers, door: Door) -> None:
    attempt = send(plan(buyers, "hs-lists", **LISTS), door)
    assert attempt.result.accepted
    assert attempt.result.buyer_lead_id
    _, find_list, add, _, enrol = calls(buyers, "hs-lists")
    assert find_list == "GET /crm/v3/lists/object-type-id/0-1/name/New Leads - Auto"
    assert add.startswith("PUT /crm/v3/lists/")
    assert enrol.startswith("POST /automation/v2/workflows/")
    assert enrol.endswith("/enrollments/contacts/john.smith@example.com")
    added = buyers.log(path="/b/hs-lists/")[2]
    assert json.loads(added["body"]) == [attempt.result.buyer_lead_id]


def test_it_records_each_of_its_calls(buyers: Buyers, door: Door) -> None:
    attempt = send(plan(buyers, "hs-rec", **LISTS), door)
    assert attempt.request is not None
    assert attempt.reply is not None
    assert attempt.request.url.endswith("/batch/upsert")
    follow_ups = json.loads(attempt.reply.body)["follow_ups"]
    assert [each["step"] for each in follow_ups] == ["list", "list", "workflow", "workflow"]
    assert [each["status"] for each in follow_ups] == [200, 200, 200, 204]


def test_it_looks_names_up_once(buyers: Buyers, door: Door) -> None:
    made = plan(buyers, "hs-names", **LISTS)
    for number in range(3):
        assert send(made, door, email=f"a{number}@example.com").result.accepted
    asked = [call for call in calls(buyers, "hs-names") if call.startswith("GET")]
    assert len(asked) == 2


def test_it_takes_ids_as_they_are(buyers: Buyers, door: Door) -> None:
    made = plan(buyers, "hs-ids", list="77", workflow="88")
    assert send(made, door).result.accepted
    assert [call.partition("?")[0] for call in calls(buyers, "hs-ids")][1:] == [
        "PUT /crm/v3/lists/77/memberships/add",
        "POST /automation/v2/workflows/88/enrollments/contacts/john.smith@example.com",
    ]


def test_it_passes_a_list_over_that_comes_out_blank(buyers: Buyers, door: Door) -> None:
    made = plan(buyers, "hs-blank", list="{{lead.segment}}")
    assert send(made, door).result.accepted
    assert len(calls(buyers, "hs-blank")) == 1


def test_it_fails_where_a_list_is_not_there(buyers: Buyers, door: Door) -> None:
    attempt = send(plan(buyers, "hs-missing", list="Missing {{lead.state}}"), door)
    assert attempt.result.outcome == "invalid"
    assert attempt.result.reason == "list: There is no list “Missing TX”"
    assert attempt.result.buyer_lead_id  # the contact is there
    optional = send(plan(buyers, "hs-missing", list="Missing", follow_ups="optional"), door)
    assert optional.result.accepted
    assert "There is no list" in optional.result.message


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("429@memberships", "rate_limited"),
        ("503@memberships", "server_error"),
        ("403@workflows", "unauthorized"),
        ("409@enrollments", "invalid"),
        ("400@enrollments", "invalid"),
    ],
)
def test_it_reads_what_a_follow_up_was_answered(
    buyers: Buyers, door: Door, error: str, outcome: str
) -> None:
    made = plan(buyers, f"hs-{outcome}", error=error, **LISTS)
    attempt = send(made, door)
    assert attempt.result.outcome == outcome
    assert attempt.result.reason.startswith(("list: ", "workflow: "))


def test_it_does_everything_again_when_it_is_retried(buyers: Buyers, door: Door) -> None:
    failed = send(plan(buyers, "hs-retry", error="503@memberships", **LISTS), door)
    done = send(plan(buyers, "hs-retry", **LISTS), door)
    assert failed.result.outcome == "server_error"
    assert done.result.accepted
    assert done.result.buyer_lead_id == failed.result.buyer_lead_id


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("400", "invalid"),
        ("401", "unauthorized"),
        ("403", "unauthorized"),
        ("409", "duplicate"),
        ("423", "server_error"),
        ("429", "rate_limited"),
        ("500", "server_error"),
        ("503", "server_error"),
    ],
)
def test_it_reads_its_errors(buyers: Buyers, door: Door, error: str, outcome: str) -> None:
    attempt = send(plan(buyers, "hs-errors", error=error), door)
    assert attempt.result.outcome == outcome
    assert attempt.result.reason
    if error == "429":
        assert attempt.result.captures["policy"] == "TEN_SECONDLY_ROLLING"


def test_it_says_which_property_is_wrong(buyers: Buyers, door: Door) -> None:
    attempt = send(plan(buyers, "hs-wrong"), door, email="nonsense")
    assert attempt.result.outcome == "invalid"
    assert attempt.result.reason == "Email address nonsense is invalid"


def test_it_sends_no_contact_without_what_tells_it_apart(buyers: Buyers, door: Door) -> None:
    attempt = send(plan(buyers, "hs-none"), door, email="")
    assert (attempt.result.outcome, attempt.result.category) == ("invalid", "configuration")
    assert calls(buyers, "hs-none") == []
