"""Words that leads are found by."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class LeadTag(models.Model):
    """A word on a lead, put there by a hook; recorded as `lead.tagged`."""

    lead_id = models.CharField(max_length=32, db_collation="C")
    tag = models.CharField(max_length=40)
    at = models.DateTimeField(db_default=Now())
    hook_id = models.CharField(max_length=32, db_collation="C", blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lead_id", "tag"], name="tagged_once")]
        indexes = [models.Index(fields=["tag", "lead_id"], name="leadtag_tag")]

    def __str__(self) -> str:
        return self.tag
