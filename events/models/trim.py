"""What was taken out of the record because its time was over, and the runs that did it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from leadops.lib.fields import IdField


class TrimRun(models.Model):
    """One going-over of the record. Long work: a task does some of it and the next goes on.

    `table_name`, `month` and `block` say how far it is. Terms are reckoned from `created_at`.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    id = IdField("trim")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    by = models.CharField(max_length=150, blank=True, help_text="Blank for the schedule.")
    created_at = models.DateTimeField(db_default=Now())
    worked_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    table_name = models.CharField(max_length=40, blank=True, default="")
    month = models.DateField(null=True)
    block = models.PositiveIntegerField(default=0, help_text="Of the table of that month.")
    rows = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    note = models.TextField(blank=True, default="", help_text="What it had to leave, and why.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="running"), name="one_trim_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Trim(models.Model):
    """Rows of one month that are no longer kept: all of them (`whole`), or those of one flow.

    Everything older than `until` went, but what belonged to leads still under way.
    """

    run = models.CharField(max_length=32, db_collation="C")
    month = models.DateField(help_text="Its first day, UTC.")
    table_name = models.CharField(max_length=40)
    flow_id = models.CharField(max_length=32, db_collation="C", blank=True, default="")
    whole = models.BooleanField(default=False)
    until = models.DateTimeField()
    rows = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField(default=0)
    dropped_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "table_name", "month", "flow_id"], name="one_trim_a_run_and_flow"
            )
        ]
        indexes = [models.Index(fields=["table_name", "-until"], name="trim_table_until")]

    def __str__(self) -> str:
        return f"{self.table_name} of {self.month:%Y-%m}"
