"""What a flow was from one change to the next."""

from __future__ import annotations

from django.db import models

from flows.models.flow import Flow


class FlowVersion(models.Model):
    """`content` is the flow as a configuration bundle writes it, `inside` what its leads go by (see
    `flows.contents`). Never changed."""

    flow = models.ForeignKey(
        Flow, on_delete=models.CASCADE, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField()
    content = models.TextField()
    inside = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    digest = models.CharField(
        max_length=64,
        default="",
        db_default="",
        help_text="Equal where leads go the same way. Blank: it was made before this was kept.",
    )
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["flow", "number"], name="a_version_once_a_flow")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"
