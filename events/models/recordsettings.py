"""What is kept of the record, and for how long: one row for the whole account."""

from __future__ import annotations

from django.db import models

from leadops.lib import durations
from leadops.lib.fields import RetentionField

DAY = 86_400.0


class RecordSettings(models.Model):
    """One row, number 1; where it is missing, the defaults hold."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    events_kept = RetentionField(
        "events",
        default=durations.FOREVER,
        help_text="For example 400d, or forever. Events go by whole months, sealed ones alone, "
        "when the last day of a month is older than this; the leads, their money and all figures "
        "stay. A lead's page then says that its events are no longer kept.",
    )
    exchanges_kept = RetentionField(
        "requests and replies",
        default=30 * DAY,
        help_text="The full requests and replies of deliveries, pings and services. They take "
        "most of the room. A flow may keep its own for longer or shorter.",
    )
    snapshots_kept = RetentionField(
        "snapshots of leads",
        default=durations.FOREVER,
        help_text="The leads' values, version by version. Without them a lead cannot be sent "
        "again or exported. A flow may keep its own for longer or shorter.",
    )

    class Meta:
        verbose_name = "settings of the record"
        verbose_name_plural = "settings of the record"
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_row_of_record_settings")
        ]

    def __str__(self) -> str:
        return "The record"

    @property
    def slug(self) -> str:
        """What it is called in the bundle's reports and in the history of changes."""
        return "settings"

    @classmethod
    def current(cls) -> RecordSettings:
        """The settings in force, by one query; the defaults, not saved, where there is no row."""
        return cls.objects.filter(id=1).first() or cls(id=1)
