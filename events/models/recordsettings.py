"""What is kept of the record, and for how long: one row for the whole account."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import models

from leadops.lib import durations
from leadops.lib.fields import DurationField, RetentionField

DAY, HOUR = 86_400.0, 3_600.0


def slugs(value: Any) -> None:
    """A list of slugs, each once."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValidationError('A list of slugs, e.g. ["audit-mail"].')
    for each in value:
        validate_slug(each)
    if len(set(value)) < len(value):
        raise ValidationError("A destination stands here twice.")


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
    seal_after = DurationField(
        "sealed after",
        default=10.0,
        help_text="How old events are when they are sealed. What is still being written holds "
        "sealing back by itself.",
    )
    heads_every = DurationField(
        "heads published every",
        default=HOUR,
        help_text="The last seal's number and hash. What is changed before its head is out, with "
        "all seals made anew, cannot be seen.",
    )
    heads_to = models.JSONField(
        "heads go to",
        default=list,
        blank=True,
        validators=[slugs],
        help_text='Slugs of destinations, as ["audit-mail", "audit-bucket"]: places where who '
        "writes the database writes nothing. They also go to heads.jsonl under LEADOPS_HOME.",
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
