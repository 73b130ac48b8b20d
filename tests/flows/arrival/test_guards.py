"""Guards against repetition are forgotten when nothing can repeat any more, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.arrival import guards
from flows.models import DuplicateClaim, Flow, IntakeKey

pytestmark = pytest.mark.django_db


def test_it_forgets_answers_after_a_week():
    for days in (1, 8):
        IntakeKey.objects.create(
            source_id="s",
            flow_id="f",
            key=str(days),
            lead_id="l",
            answer={},
            at=timezone.now() - timedelta(days=days),
        )
    assert guards.forget_old() == 1
    assert IntakeKey.objects.get().key == "1"


def test_it_keeps_claims_as_long_as_the_longest_window():
    Flow.objects.create(slug="a", name="A", duplicate_match=[["x"]], duplicate_within=86_400.0)
    for hours in (1, 30):
        DuplicateClaim.objects.create(
            flow_id="f",
            digest=bytes([hours]) * 16,
            lead_id=str(hours),
            at=timezone.now() - timedelta(hours=hours),
        )
    guards.forget_old()
    assert DuplicateClaim.objects.get().lead_id == "1"
