"""Deliveries that one recipient gets together."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from leadops.lib.fields import IdField


class Batch(models.Model):
    """Leads that wait for each other. Its id is the idempotency key of all its attempts; which
    deliveries belong to it stands on these. Its own work row says when it goes."""

    class State(models.TextChoices):
        OPEN = "open", "Gathering"
        DUE = "due", "About to be sent"
        STARTING = "starting", "Being written down"  # some attempts are recorded, none is sent
        SENDING = "sending", "Sending"
        ANSWERED = "answered", "Taking in the answers"  # all of them are stored
        WAITING = "waiting", "Waiting to be sent again"
        DONE = "done", "Done"

    id = IdField("bat")
    # No foreign keys: written in bulk, and kept when an endpoint is gone.
    recipient_id = models.CharField(max_length=32, db_collation="C")
    endpoint_id = models.CharField(max_length=40, db_collation="C")
    test = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    size = models.PositiveIntegerField(default=0, help_text="Leads that have joined it.")
    tries = models.PositiveSmallIntegerField(default=0)
    waits_for = models.CharField(max_length=200, blank=True, default="")
    outcomes = models.JSONField(default=dict, help_text="What its leads came to, by outcome.")
    opened_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(help_text="When it is old enough to go.")
    first_sent_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "batches"
        constraints = [
            models.UniqueConstraint(
                fields=["recipient_id", "endpoint_id", "test"],
                condition=Q(state="open"),
                name="one_batch_gathers",
            )
        ]
        indexes = [
            models.Index(fields=["recipient_id", "-opened_at"], name="batch_recipient_opened"),
            models.Index(fields=["opened_at"], condition=~Q(state="done"), name="batch_under_way"),
        ]

    def __str__(self) -> str:
        return str(self.id)
