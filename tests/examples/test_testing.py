"""How a recipient is tried and described: sandbox, test cases, what the buyer is sent about it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events.models import Delivery
from flows.trying import specifications, testcases
from recipients.models import Recipient
from tests.examples.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_test_lead_goes_to_the_sandbox_and_earns_nothing(stage: Stage) -> None:
    stage.load("test-mode")
    story = stage.run(test=True)
    (entry,) = stage.log()
    assert entry["path"].endswith("their-buyer/sandbox/leads")
    assert entry["headers"]["X-LeadOps-Test"] == "1"
    assert (story.delivery.state, story.delivery.endpoint) == ("accepted", "sandbox")
    assert (story.lead.test, story.lead.revenue, story.lead.cost) == (True, 0, 0)
    assert story.delivery.revenue == 0


def test_a_real_lead_goes_to_production(stage: Stage) -> None:
    stage.load("test-mode")
    story = stage.run()
    (entry,) = stage.log()
    assert entry["path"].endswith("their-buyer/accept")
    assert story.lead.revenue == 45


def test_the_sandbox_may_fail(stage: Stage) -> None:
    stage.load("test-mode", ("sandbox/leads", "reject?reason=Try+again"))
    story = stage.run(test=True)
    assert (story.delivery.state, story.delivery.reason) == ("declined", "Try again")


def test_success_and_failure_can_be_simulated(stage: Stage) -> None:
    stage.load("simulated-responses")
    for number in range(30):
        stage.post(test=True, email=f"lead{number}@example.com")
    stage.once()
    assert set(Delivery.objects.values_list("outcome", flat=True)) == {"accepted", "rejected"}
    assert set(Delivery.objects.values_list("revenue", flat=True)) == {0}
    assert stage.log() == []


def test_all_test_cases_pass(stage: Stage) -> None:
    stage.load("test-cases")
    recipient = Recipient.objects.get()
    plan = testcases.compiled(recipient.pk)
    cases = testcases.cases_of(recipient, plan)
    judged = testcases.run(plan, cases, by="olga")
    assert {each.case.name: each.failures for each in judged} == {each.name: () for each in cases}
    success, failures = stage.log("their-sandbox")
    assert (success["status"], failures["status"]) == (200, 400)


def test_a_case_fails_where_the_buyer_answers_otherwise(stage: Stage) -> None:
    stage.load("test-cases", ("their-sandbox/validate", "their-sandbox/accept"))
    recipient = Recipient.objects.get()
    plan = testcases.compiled(recipient.pk)
    judged = testcases.run(plan, testcases.cases_of(recipient, plan), by="olga")
    assert [each.case.name for each in judged if not each.passed] == ["Validation failures"]


def test_the_buyers_document_is_made_of_what_is_known(stage: Stage) -> None:
    stage.load("buyer-documentation")
    recipient = Recipient.objects.get()
    assert (recipient.contact_name, recipient.contact_email) == ("John Doe", "john.doe@abc.example")
    link = specifications.make_link(recipient, days=7, by="olga", now=timezone.now())
    shown = Client().get(reverse("specifications:open", args=[link.token])).content.decode()
    for said in ("JSON, see schema", "Bearer token (rotate monthly)", "Phone must be mobile"):
        assert said in shown
    assert "t0ken-of-the-example" not in shown
    assert stage.run().delivery.state == "accepted"
