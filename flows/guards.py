"""Answers and claims that keep a lead from being taken twice, and when they are forgotten."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from flows.models import DuplicateClaim, Flow, IntakeKey

KEYS_KEPT = timedelta(days=7)  # how long an Idempotency-Key gives the same answer


def forget_old() -> int:
    """Delete answers older than a week and claims older than any flow's window; how many."""
    now = timezone.now()
    answers, _ = IntakeKey.objects.filter(at__lt=now - KEYS_KEPT).delete()
    longest = Flow.objects.aggregate(longest=Max("duplicate_within"))["longest"] or 0.0
    old = now - timedelta(seconds=longest)
    claims, _ = DuplicateClaim.objects.filter(at__lt=old).delete()
    return answers + claims
