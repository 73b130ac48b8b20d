"""Leads taken from earlier versions of a flow to the current one, at a person's word."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from flows.models.flow import Flow
from leadops.lib.fields import IdField
from leadops.lib.jobs import Job


class FlowMove(Job):
    """Which versions' leads, and how far it has come. The row is the truth: a task only works on
    it, and whoever comes after a task that died goes on behind `last`."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    id = IdField("mov")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="moves", db_index=False)
    versions = ArrayField(models.PositiveIntegerField())
    by = models.CharField(max_length=150)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    total = models.PositiveIntegerField(help_text="Leads under way when it began.")
    moved = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0, help_text="Could not be moved; the log says why.")
    last = models.CharField(
        max_length=32, db_collation="C", default="", help_text="The lead it came to last."
    )

    class Meta:
        indexes = [
            models.Index(fields=["flow", "-created_at"], name="flow_move_flow"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state__in=["queued", "running"]),
                name="flow_move_open",
            ),
        ]
