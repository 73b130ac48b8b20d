"""Every recipient of the demo, and so of the field's own documents: its test cases and its
specification."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from flows.trying import specifications, testcases
from leadops.demo import setting
from recipients.models import Recipient, Secret

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo() -> None:
    setting.load()


def failures(recipient: Recipient) -> list[tuple[str, tuple[str, ...]]]:
    plan = testcases.compiled(recipient.pk)
    judged = testcases.run(plan, testcases.cases_of(recipient, plan))
    return [(each.case.name, each.failures) for each in judged if not each.passed]


def test_the_cases_that_come_along_pass():
    with_cases = Recipient.objects.filter(test_cases__isnull=False).distinct()
    assert with_cases
    assert [found for each in with_cases if (found := failures(each))] == []


def test_a_starting_set_can_be_made_of_each_and_passes():
    for recipient in Recipient.objects.all():
        made = testcases.add_starting_set(recipient)
        assert len(made) >= 4, recipient
        assert failures(recipient) == [], recipient
        assert any(row.outcome == "accepted" for row in made), recipient
        for row in made:
            row.full_clean()


def test_a_specification_can_be_made_of_each_and_holds_no_secret():
    secrets = list(Secret.objects.values_list("name", "value"))
    for recipient in Recipient.objects.all():
        found = specifications.current(recipient)
        assert not found.problem, recipient
        assert found.items or found.sample, recipient
        link = specifications.make_link(recipient, days=7, by="olga", now=timezone.now())
        page = Client().get(reverse("specifications:open", args=[link.token]))
        assert page.status_code == 200
        text = page.content.decode()
        for name, value in secrets:
            assert name not in text, (recipient, name)
            assert value not in text, (recipient, name)
