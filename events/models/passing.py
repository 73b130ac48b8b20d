"""Feedback that its lead's source wanted to know, and how far each source has got it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from events.models.feedback import Feedback
from leadops.lib.fields import IdField


class PassedFeedback(models.Model):
    """One feedback on its way to the source of its lead: written together with the feedback.

    Its id is the `webhook-id`, so it is the same message however often it is sent. Holds no words
    of anybody: what is sent is made from the feedback, each time anew.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    id = IdField("pfb")
    feedback = models.OneToOneField(Feedback, on_delete=models.PROTECT, related_name="passed")
    source = models.ForeignKey(
        "flows.Source", on_delete=models.PROTECT, related_name="passed_feedback", db_index=False
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    tries = models.PositiveIntegerField(default=0, db_default=0)
    failing_since = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="", db_default="")
    settled_at = models.DateTimeField(null=True)
    batch = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="The summary that it is in: the same file however often that is sent.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "feedback passed on"
        indexes = [
            models.Index(
                fields=["source", "due_at"],
                condition=models.Q(state="waiting"),
                name="passed_feedback_due",
            ),
            models.Index(fields=["source", "id"], name="passed_feedback_source"),
            models.Index(
                fields=["id"], condition=models.Q(state="failed"), name="passed_feedback_failed"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class FeedbackLine(models.Model):
    """How passing on to one source stands; written by `events.passing` alone."""

    source = models.OneToOneField(
        "flows.Source",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="feedback_line",
    )
    lease = models.CharField(max_length=40, default="", db_default="")
    due_at = models.DateTimeField(db_default=Now())
    failures = models.PositiveIntegerField(default=0, db_default=0)
    failing_since = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failed_reason = models.CharField(max_length=300, default="", db_default="")
    delivered = models.BigIntegerField(default=0, db_default=0)
    delivered_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_reason = models.CharField(max_length=300, default="", db_default="")

    def __str__(self) -> str:
        return f"{self.source_id}"
