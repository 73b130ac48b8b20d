"""What is due: the only queue of leads and deliveries."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Work(models.Model):
    """One thing a pump must do: take a lead on through its flow, or try a delivery.

    A claim moves `due_at` to the end of its lease, so one condition (`due_at <= now()`) finds
    both what is due and what was left behind by a worker that died. A row with a lease that is
    due again is an attempt of unknown outcome. Finished work is deleted: the table stays small.
    """

    class Kind(models.TextChoices):
        ADVANCE = "advance"
        DELIVER = "deliver"
        BATCH = "batch"  # under the batch's id, in place of lead and delivery

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    # No foreign keys: written in bulk, always together with what they name.
    lead_id = models.CharField(max_length=32, db_collation="C")
    delivery_id = models.CharField(max_length=32, db_collation="C", null=True)  # noqa: DJ001  unique
    lane = models.CharField(
        max_length=40, db_collation="C", help_text="Whose share of a pump it takes."
    )
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    claims = models.PositiveSmallIntegerField(default=0, help_text="Since it last completed.")
    lease = models.UUIDField(null=True)
    hold = models.FloatField(default=0, help_text="Seconds its lease must last at least.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lead_id"], condition=Q(kind="advance"), name="a_lead_advances_once"
            ),
            models.UniqueConstraint(fields=["delivery_id"], name="a_delivery_is_due_once"),
        ]
        indexes = [models.Index(fields=["lane", "due_at"], name="work_lane_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.delivery_id or self.lead_id}"


class Pump(models.Model):
    """A pump's heartbeat, for the watchdog and the health page."""

    slot = models.PositiveIntegerField(primary_key=True)
    pid = models.PositiveIntegerField()
    host = models.CharField(max_length=200)
    beat = models.DateTimeField()
    state = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"pump {self.slot}"
