"""What people asked us to do with their data, and what came of it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from leadops.lib.fields import IdField
from leadops.lib.jobs import Job


class PrivacyRequest(Job):
    """An erasure or an access request. Who it was about is kept as a keyed digest: it answers
    whether somebody's request was dealt with, and says nobody's name."""

    class Action(models.TextChoices):
        ERASURE = "erasure", "Erased"
        COPY = "copy", "Copy handed out"

    class Kind(models.TextChoices):
        EMAIL = "email", "By e-mail"
        PHONE = "phone", "By phone"
        LEAD = "lead_id", "By lead"

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        DONE = "done", "Done"

    OPEN = frozenset({State.RUNNING})

    id = IdField("prv")
    action = models.CharField(max_length=8, choices=Action.choices)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    subject = models.BinaryField(max_length=16, help_text="Keyed digest of what was looked for.")
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=300, blank=True)
    leads = ArrayField(models.CharField(max_length=32), default=list)
    position = models.PositiveIntegerField(default=0, help_text="How many of them are done.")
    counts = models.JSONField(default=dict, help_text="By table: how many rows.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    vacuumed_at = models.DateTimeField(
        null=True, help_text="When the tables were vacuumed after it."
    )

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="privacy_request_created"),
            models.Index(fields=["subject"], name="privacy_request_subject"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state="running"),
                name="privacy_request_open",
            ),
        ]

    @property
    def is_done(self) -> bool:
        return self.state == self.State.DONE
