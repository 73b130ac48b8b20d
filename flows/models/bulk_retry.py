"""Many deliveries sent again at a person's word."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from leadops.lib.fields import IdField
from leadops.lib.jobs import Job


class BulkRetry(Job):
    """Which deliveries, and how far it has come. The row is the truth: a task only works on it,
    and whoever comes after a task that died goes on from `position`."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    id = IdField("rty")
    by = models.CharField(max_length=150)
    filters = models.JSONField(default=dict)
    force = models.BooleanField(
        default=False, help_text="Also leads that were sold to another in the meantime."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    deliveries = ArrayField(models.CharField(max_length=32), default=list)
    lanes = ArrayField(models.CharField(max_length=40), default=list)
    total = models.PositiveIntegerField()
    position = models.PositiveIntegerField(default=0, help_text="How many have been looked at.")
    sent = models.PositiveIntegerField(default=0, help_text="How many of them are sent again.")
    refused = models.JSONField(default=dict, help_text="Why the others are not: reason, number.")
    waits_for = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        verbose_name_plural = "bulk retries"
        indexes = [
            models.Index(fields=["-created_at"], name="bulk_retry_created"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state__in=["queued", "running"]),
                name="bulk_retry_open",
            ),
        ]

    @property
    def left_out(self) -> int:
        return self.position - self.sent
