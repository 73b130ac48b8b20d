"""A lead: where it stands. What it says is in its snapshots."""

from __future__ import annotations

import os

from django.db import models
from django.db.models.functions import Now

from leadops.lib.fields import IdField, SecretField


def new_salt() -> bytes:
    """Salts the digests by which events name personal data; erasure removes it."""
    return os.urandom(16)


class Lead(models.Model):
    class Status(models.TextChoices):
        REJECTED = "rejected", "Rejected at the door"
        WORKING = "working", "On its way"
        DONE = "done", "Done"
        REVIEW = "review", "Needs review"

    class Result(models.TextChoices):
        NONE = "", "–"
        SOLD = "sold", "Sold"
        UNSOLD = "unsold", "Not sold"
        STOPPED = "stopped", "Stopped by a filter"

    id = IdField("lead")
    # No constraints in the database on the hot tables: configuration in use cannot be deleted
    # (PROTECT), and a check a row costs more than the rest of the insert.
    flow = models.ForeignKey(
        "flows.Flow",
        on_delete=models.PROTECT,
        related_name="leads",
        db_constraint=False,
        db_index=False,
    )
    source = models.ForeignKey(
        "flows.Source",
        on_delete=models.PROTECT,
        related_name="leads",
        db_constraint=False,
        db_index=False,
    )
    created_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WORKING)
    result = models.CharField(max_length=10, choices=Result.choices, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    test = models.BooleanField(default=False)
    demo = models.BooleanField(default=False)
    currency = models.CharField(max_length=3, default="USD")
    cost = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    services_cost = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        default=0,
        db_default=0,
        help_text="What of the cost was paid to services; the rest is the source's.",
    )
    revenue = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    sales = models.PositiveSmallIntegerField(default=0)
    step = models.PositiveSmallIntegerField(default=0, help_text="The step it stands at.")
    step_id = models.CharField(
        max_length=32, db_collation="C", editable=False, default="", db_default=""
    )
    flow_version = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="The version of its flow that it goes by; 0: the flow as it is.",
    )
    inquiry = models.CharField(
        max_length=32,
        db_collation="C",
        editable=False,
        default="",
        db_default="",
        help_text="The questions about it that are under way.",
    )
    seq = models.PositiveIntegerField(default=0, help_text="Number of its newest event.")
    snapshot = models.PositiveSmallIntegerField(default=0, help_text="Its newest version.")
    sensitive = SecretField(
        blank=True, default="", help_text="Values too sensitive for a snapshot, encrypted."
    )
    held_at = models.DateTimeField(null=True, help_text="Set while it needs review.")
    salt = models.BinaryField(max_length=16, null=True, default=new_salt)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at"], name="lead_created"),
            models.Index(fields=["flow", "-created_at"], name="lead_flow_created"),
            models.Index(fields=["source", "-created_at"], name="lead_source_created"),
            models.Index(
                fields=["held_at", "id"],
                condition=models.Q(held_at__isnull=False),
                name="lead_held",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class LeadKey(models.Model):
    """A keyed digest under which a lead is found: by e-mail, by phone."""

    lead_id = models.CharField(max_length=32, db_collation="C")
    kind = models.CharField(max_length=10, help_text="email or phone.")
    digest = models.BinaryField(max_length=16)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["digest", "-created_at"], name="leadkey_digest"),
            models.Index(fields=["lead_id"], name="leadkey_lead"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.lead_id}"
