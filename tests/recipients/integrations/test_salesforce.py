from __future__ import annotations

import json
from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.auth import SCHEMES
from recipients.deliver import Attempt
from recipients.integrations import FieldError, integration_for
from recipients.options import OptionError, compile_options
from recipients.plan import Auth, AuthKind, RecipientPlan
from recipients.transports import Job
from recipients.transports.salesforce import SalesforceTransport
from tests.recipients.integrations.scenes import job_at, plan_for, send
from tests.recipients.transports.contract import TransportContract

NAME = "salesforce.create_lead"
MAPPING = {
    "FirstName": "{{lead.first_name}}",
    "LastName": "{{lead.last_name}}",
    "Email": "{{lead.email}}",
    "Phone": "{{lead.phone_1}}",
    "LeadSource": "{{source.name}}",
    "Lead_Score__c": "{{lead.score}}",
}


class TestSalesforce(TransportContract):
    transport = SalesforceTransport()

    def job(self, url: str, **settings: Any) -> Job:
        return job_at(url, "/services/data/", {"LastName": "Smith"}, **settings)


def plan(buyers: Buyers, org: str, **options: Any) -> RecipientPlan:
    return plan_for(NAME, f"{buyers.url}/b/{org}/salesforce", MAPPING, **options)


def last(buyers: Buyers, org: str) -> dict[str, Any]:
    return buyers.log(path=f"/b/{org}/")[-1]


def test_it_makes_a_lead(buyers: Buyers, door: Door) -> None:
    attempt = send(plan(buyers, "sf-make"), door)
    assert attempt.result.outcome == "accepted"
    assert attempt.result.buyer_lead_id.startswith("00Q")
    entry = last(buyers, "sf-make")
    assert entry["method"] == "POST"
    assert entry["path"] == "/b/sf-make/salesforce/services/data/v62.0/sobjects/Lead"
    assert json.loads(entry["body"])["Lead_Score__c"] == 85
    assert entry["headers"]["Sforce-Auto-Assign"] == "TRUE"
    assert entry["headers"]["Sforce-Duplicate-Rule-Header"].startswith("allowSave=false")


def test_it_passes_its_options_on(buyers: Buyers, door: Door) -> None:
    made = plan(
        buyers,
        "sf-options",
        api_version="59.0",
        assignment_rule_id="01QD0000000EqAn",
        duplicate_check=False,
        trigger_workflows=False,
        bypass_field="Bypass__c",
    )
    assert send(made, door).result.accepted
    entry = last(buyers, "sf-options")
    assert "/v59.0/" in entry["path"]
    assert entry["headers"]["Sforce-Auto-Assign"] == "01QD0000000EqAn"
    assert entry["headers"]["Sforce-Duplicate-Rule-Header"].startswith("allowSave=true")
    assert json.loads(entry["body"])["Bypass__c"] is True
    assert send(plan(buyers, "sf-no-rules", assignment_rules=False), door).result.accepted
    assert last(buyers, "sf-no-rules")["headers"]["Sforce-Auto-Assign"] == "FALSE"


def test_it_reads_a_duplicate_with_the_record_that_is_there(buyers: Buyers, door: Door) -> None:
    first = send(plan(buyers, "sf-twice"), door, key="dlv_1")
    second = send(plan(buyers, "sf-twice"), door, key="dlv_2")
    assert (second.result.outcome, second.result.reason) == (
        "duplicate",
        "Use one of these records?",
    )
    assert second.result.captures["existing_id"] == first.result.buyer_lead_id
    allowed = send(plan(buyers, "sf-twice", duplicate_check=False), door, key="dlv_3")
    assert allowed.result.accepted


def test_it_finds_by_its_external_id_what_a_lost_answer_was_about(
    buyers: Buyers, door: Door
) -> None:
    made = plan(buyers, "sf-external", external_id_field="LeadOps_Delivery__c")
    first, again = send(made, door), send(made, door)
    assert first.result.accepted
    assert again.result.accepted
    assert again.result.buyer_lead_id == first.result.buyer_lead_id
    entry = last(buyers, "sf-external")
    assert entry["method"] == "PATCH"
    assert entry["path"].endswith("/sobjects/Lead/LeadOps_Delivery__c/dlv_1")


def test_it_reads_what_is_wrong_with_a_field(buyers: Buyers, door: Door) -> None:
    made = plan(buyers, "sf-wrong")
    missing: Attempt = send(made, door, last_name="")
    assert missing.result.outcome == "invalid"
    assert missing.result.reason == "Required fields are missing: [LastName]"
    assert missing.result.captures["fields"] == "LastName"
    email = send(made, door, email="nonsense")
    assert (email.result.outcome, email.result.captures["error_code"]) == (
        "invalid",
        "INVALID_EMAIL_ADDRESS",
    )


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("INVALID_SESSION_ID", "unauthorized"),
        ("API_DISABLED_FOR_ORG", "unauthorized"),
        ("REQUEST_LIMIT_EXCEEDED", "rate_limited"),
        ("UNABLE_TO_LOCK_ROW", "server_error"),
        ("SERVER_UNAVAILABLE", "server_error"),
        ("UNKNOWN_EXCEPTION", "server_error"),
        ("STORAGE_LIMIT_EXCEEDED", "rejected"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "invalid"),
        ("DUPLICATE_VALUE", "duplicate"),
        ("NOT_FOUND", "invalid"),
    ],
)
def test_it_reads_its_errors(buyers: Buyers, door: Door, code: str, outcome: str) -> None:
    made = plan_for(NAME, f"{buyers.url}/salesforce/~{code}", MAPPING)
    attempt = send(made, door)
    assert attempt.result.outcome == outcome
    assert attempt.result.reason
    assert attempt.reply is not None
    assert attempt.result.reason in attempt.reply.body


def test_it_gets_a_token_first(buyers: Buyers, door: Door) -> None:
    url = f"{buyers.url}/b/sf-token/salesforce"
    written = {"token_url": f"{url}/services/oauth2/token", "ttl": "1h"}
    options = compile_options(SCHEMES[AuthKind.OAUTH2].options, written)
    auth = Auth(
        AuthKind.OAUTH2, name="Authorization", username="id", secret="s3cret", options=options
    )
    attempt = send(plan_for(NAME, url, MAPPING, auth=auth), door)
    assert attempt.result.accepted
    assert attempt.request is not None
    assert "00D" not in json.dumps(dict(attempt.request.headers))


def test_it_wants_what_its_options_need() -> None:
    chosen = integration_for(NAME)
    assert chosen.check is not None
    for written in ({"trigger_workflows": False}, {"bypass_field": "A__c"}):
        with pytest.raises(FieldError):
            chosen.check(plan_endpoint(), compile_options(chosen.options, written))
    for wrong in ({"object": "a b"}, {"api_version": "v62"}, {"assignment_rule_id": "me"}):
        with pytest.raises(OptionError):
            compile_options(chosen.options, wrong)


def plan_endpoint() -> Any:
    class Endpoint:
        url = "https://acme.my.salesforce.com"

    return Endpoint()
