"""Hooks: what about the record starts an action."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from events.models.alert import Channel
from events.models.subscription import (
    validate_secret,
    validate_slugs,
    validate_types,
    validate_url,
)
from leadops.lib.fields import DurationField, IdField, SecretField
from leadops.lib.validation import rules

TAG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
WEEK = 7 * 86_400.0
UNSIGNED = "A webhook is signed: give it a secret."
SHORTEST_REST = 60.0  # seconds between two pauses by the same hook


def validate_tag(tag: str) -> None:
    """Raises ValidationError."""
    if not TAG.fullmatch(tag):
        raise ValidationError("Write small letters, digits, - . and _, for example high-value.")


def validate_hook_types(words: Any) -> None:
    """As of subscriptions, without the hooks' own. Raises ValidationError."""
    validate_types(words)
    if any(word.startswith("hook.") for word in words):
        raise ValidationError("Hooks do not see what hooks did.")


class EventHook(models.Model):
    """When something is in the record, do something.

    Either it looks at events: each that fits `when`, or so many of them within a time; or at
    counted figures (`metric`): an hour that is unlike the same hour of other days.
    """

    class Per(models.TextChoices):
        ALL = "", "All together"
        RECIPIENT = "recipient", "Each recipient"
        SOURCE = "source", "Each source"
        FLOW = "flow", "Each flow"
        LEAD = "lead", "Each lead"
        REASON = "reason", "Each reason"

    class Metric(models.TextChoices):
        NONE = "", "Events, one by one"
        LEADS = "leads", "Unusual number of leads"
        REJECTED_AT_DOOR = "rejected_at_door", "Unusual share of leads refused at the door"
        DELIVERIES = "deliveries", "Unusual number of deliveries"
        REJECTION_RATE = "rejection_rate", "Unusual rejection rate"
        ERROR_RATE = "error_rate", "Unusual error rate"
        REVENUE = "revenue", "Unusual revenue"

    class Direction(models.TextChoices):
        ABOVE = "above", "More than usual"
        BELOW = "below", "Less than usual"
        EITHER = "either", "More or less than usual"

    class Pause(models.TextChoices):
        NOTHING = "", "Nothing"
        RECIPIENT = "recipient", "The recipient"
        ENDPOINT = "endpoint", "The recipient's endpoint"
        SOURCE = "source", "The source: its leads are refused"

    id = IdField("hook")
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    active = models.BooleanField(default=False, help_text="Try it out before it is switched on.")

    metric = models.CharField(
        "looks at",
        max_length=20,
        blank=True,
        default="",
        choices=Metric.choices,
        help_text="Figures are looked at once an hour, when the hour is over.",
    )
    types = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_hook_types],
        help_text='For example ["recipient.*", "flow.completed"]. None: all.',
    )
    flows = models.JSONField(
        default=list, blank=True, validators=[validate_slugs], help_text="Slugs. None: all."
    )
    recipients = models.JSONField(
        default=list, blank=True, validators=[validate_slugs], help_text="Slugs. None: all."
    )
    when = models.JSONField(
        default=dict, blank=True, validators=[rules], help_text="None: every event of these."
    )
    tests = models.BooleanField("test leads, too", default=False)
    per = models.CharField(
        "counted for",
        max_length=10,
        blank=True,
        default="",
        choices=Per.choices,
        help_text="What is counted together, and rests together.",
    )
    times = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="How many such events it takes.",
    )
    within = DurationField(
        default=600.0,
        validators=[MinValueValidator(1.0), MaxValueValidator(WEEK)],
        help_text="In which time they must come.",
    )
    reset = models.JSONField(
        "starts the count anew",
        default=dict,
        blank=True,
        validators=[rules],
        help_text="An event that fits this: so failures in a row are told from some among many.",
    )
    cool_down = DurationField(
        default=300.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(30 * 86_400.0)],
        help_text="How long it rests after it fired; 0s: never.",
    )

    direction = models.CharField(max_length=10, choices=Direction.choices, default=Direction.ABOVE)
    days = models.PositiveSmallIntegerField(
        default=14,
        validators=[MinValueValidator(3), MaxValueValidator(60)],
        help_text="Compared with the same hour of so many days before.",
    )
    deviations = models.DecimalField(
        "standard deviations",
        max_digits=5,
        decimal_places=2,
        default=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How far from the usual it must be.",
    )
    factor = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="And so many times the usual, or that part of it.",
    )
    minimum = models.PositiveIntegerField(
        default=20, help_text="Says nothing of hours with fewer leads or deliveries than this."
    )

    notify = models.ManyToManyField(Channel, blank=True, related_name="hooks")
    tag = models.CharField(
        "tag the lead",
        max_length=40,
        blank=True,
        default="",
        validators=[validate_tag],
        help_text="A word that leads are found by.",
    )
    pause = models.CharField(
        max_length=10, blank=True, default="", choices=Pause.choices, help_text="Until resumed."
    )
    url = models.CharField(
        "webhook", max_length=500, blank=True, default="", validators=[validate_url]
    )
    secret = SecretField(
        blank=True,
        validators=[validate_secret],
        help_text="whsec_ and base64, or ${NAME} of the secrets. Signs after Standard Webhooks.",
    )
    previous_secret = SecretField(
        blank=True,
        validators=[validate_secret],
        help_text="While the secret is changed: signs as well, until the receiver knows the new.",
    )

    # Written when it is switched on, and by events.hooks.
    armed_at = models.DateTimeField(null=True, editable=False)
    judged_hour = models.DateTimeField(null=True, editable=False)
    fired = models.BigIntegerField(db_default=0, default=0, editable=False)
    fired_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    stopped_reason = models.CharField(max_length=300, blank=True, db_default="", editable=False)

    timeout = 15.0  # seconds that its webhook gets to answer

    class Meta:
        ordering = ["slug"]
        verbose_name = "hook"

    def __str__(self) -> str:
        return self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A hook sees what comes after it was switched on; saving one that was stopped for its
        slowness starts it again."""
        if kwargs.get("update_fields") is None:
            self.stopped_at, self.stopped_reason = None, ""
            if self.active and self.armed_at is None:
                self.armed_at = timezone.now()
            elif not self.active:
                self.armed_at = None
        super().save(*args, **kwargs)

    def clean(self) -> None:
        mistakes: dict[str, str] = {}
        if self.url and not self.secret:
            mistakes["secret"] = UNSIGNED
        if self.pause:
            mistakes |= self._of_pause()
        if self.metric:
            mistakes |= self._of_figures()
        if mistakes:
            raise ValidationError(mistakes)

    def _of_pause(self) -> dict[str, str]:
        if self.cool_down is not None and self.cool_down < SHORTEST_REST:
            return {"cool_down": "What pauses rests for a minute at least: 1m."}
        if self.metric and self.pause != self.per:
            return {"pause": "Figures pause what they are counted for."}
        return {}

    def _of_figures(self) -> dict[str, str]:
        mistakes = {}
        if self.per in (self.Per.LEAD, self.Per.REASON):
            mistakes["per"] = "Figures are counted for recipients, sources, flows or all."
        if self.per == self.Per.RECIPIENT and self.metric in DOORS:
            mistakes["per"] = "Leads come in before any recipient is asked."
        if self.deviations is None and self.factor is None:
            mistakes["deviations"] = "Say how far from the usual it must be."
        if self.tag:
            mistakes["tag"] = "A figure is about no single lead."
        if self.when or self.reset or self.types:
            mistakes["metric"] = "Types and rules are for events, one by one."
        return mistakes

    def sees(self, at: datetime) -> bool:
        return self.armed_at is not None and at >= self.armed_at


DOORS = frozenset({EventHook.Metric.LEADS, EventHook.Metric.REJECTED_AT_DOOR})


class HookFollower(models.Model):
    """How far the hooks have read the record; one row. Written by `events.hooks` alone."""

    tx = models.BigIntegerField(null=True)
    after = models.CharField(max_length=32, blank=True, db_default="")
    lease = models.CharField(max_length=40, blank=True, db_default="")
    due_at = models.DateTimeField(db_default=Now())
    read = models.BigIntegerField(db_default=0)
    worked_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=300, blank=True, db_default="")
    # Written by events.retention alone: what went before it was read, all in all and the last.
    missed = models.BigIntegerField(db_default=0, default=0)
    missed_from = models.DateTimeField(null=True)
    missed_to = models.DateTimeField(null=True)
    missed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.tx}.{self.after}"


class HookCount(models.Model):
    """What was counted of a hook's events for one recipient, source, …; when it fired last."""

    hook = models.ForeignKey(EventHook, on_delete=models.CASCADE, related_name="counts")
    subject = models.CharField(max_length=130)
    moments = models.JSONField(default=list)  # seconds since 1970
    fired = models.FloatField(null=True)
    held = models.PositiveIntegerField(default=0)
    kept_until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "subject"], name="one_hook_count")]

    def __str__(self) -> str:
        return f"{self.hook_id} {self.subject}"


class HookFiring(models.Model):
    """A hook fired, about an event or an hour of figures: once, however often that is read."""

    id = IdField("fire")
    hook = models.ForeignKey(EventHook, on_delete=models.CASCADE, related_name="firings")
    event_id = models.CharField(max_length=32, db_collation="C", blank=True)
    subject = models.CharField(max_length=160)
    at = models.DateTimeField(db_default=Now())
    lead_id = models.CharField(max_length=32, db_collation="C", blank=True, default="")
    text = models.CharField(max_length=500)
    did = models.CharField(max_length=300, blank=True, default="")
    told = models.JSONField(default=dict, help_text="What receivers are told.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hook", "event_id", "subject"], name="fired_once")
        ]
        indexes = [
            models.Index(fields=["hook", "-at", "-id"], name="hookfiring_hook"),
            models.Index(fields=["at"], name="hookfiring_at"),
        ]

    def __str__(self) -> str:
        return self.text


class HookNotice(models.Model):
    """What is still to be told to a receiver, and what became of it. Its id is the webhook-id."""

    id = IdField("msg")
    firing = models.ForeignKey(HookFiring, on_delete=models.CASCADE, related_name="notices")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, null=True)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    lease = models.CharField(max_length=40, blank=True, db_default="")
    tries = models.PositiveSmallIntegerField(db_default=0, default=0)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, db_default="")

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(sent_at=None, given_up_at=None),
                name="hooknotice_due",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
