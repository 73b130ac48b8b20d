"""What is kept of the record, for how long, and who sees whose values: one row for the whole
account."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_slug
from django.db import models

from leadops.lib import durations
from leadops.lib.fields import DurationField, RetentionField

DAY, HOUR = 86_400.0, 3_600.0
# The roles of `leadops.accounts`, which stands above this app.
ROLES = ("administrator", "ops", "account_manager", "auditor")


def slugs(value: Any) -> None:
    """A list of slugs, each once."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValidationError('A list of slugs, e.g. ["audit-mail"].')
    for each in value:
        validate_slug(each)
    if len(set(value)) < len(value):
        raise ValidationError("A destination stands here twice.")


def roles(value: Any) -> None:
    """A list of roles, each once."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValidationError('A list of roles, e.g. ["administrator", "ops"].')
    for each in value:
        if each not in ROLES:
            raise ValidationError(f"There is no role {each[:40]!r}; there are {', '.join(ROLES)}.")
    if len(set(value)) < len(value):
        raise ValidationError("A role stands here twice.")


def shown_to() -> list[str]:
    return ["administrator", "ops", "auditor"]


def revealed_by() -> list[str]:
    return ["administrator", "ops"]


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
    personal_shown_to = models.JSONField(
        "personal values are shown to",
        default=shown_to,
        blank=True,
        validators=[roles],
        help_text="To all others they read ••• on pages, in the API, streams and exports. "
        "Sensitive values read ••• for everybody.",
    )
    revealed_by = models.JSONField(
        "may be revealed by",
        default=revealed_by,
        blank=True,
        validators=[roles],
        help_text="Who may look at the personal values of one lead for a few minutes although "
        "they are masked for the role. It takes a reason, and is recorded.",
    )
    sensitive_revealed = models.BooleanField(
        "administrators may reveal sensitive values",
        default=False,
        help_text="One lead's, for a few minutes, with a reason; recorded.",
    )
    reveals_per_hour = models.PositiveSmallIntegerField(
        "reveals an hour",
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="How many leads one person may reveal within an hour.",
    )
    views_recorded = models.BooleanField(
        "record every view of a lead",
        default=False,
        help_text="By people and their keys: the lead's page, its review, and the API's calls for "
        "one lead; one event a person and lead every 10 minutes.",
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
