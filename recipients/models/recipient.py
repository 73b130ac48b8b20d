"""Who receives leads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models

from leadops.lib import validation as checks
from leadops.lib.fields import DurationField, IdField
from recipients import caps, gatechecks, hours, policies, prices, validation


class Recipient(models.Model):
    """A buyer, CRM, dialer, marketing platform or partner, and how its replies read."""

    class Type(models.TextChoices):
        BUYER = "buyer"
        CRM = "crm", "CRM"
        DIALER = "dialer"
        MARKETING = "marketing", "Marketing platform"
        PARTNER = "partner"

    id = IdField("rcp")
    slug = models.SlugField(unique=True, help_text="Names it in bundles, URLs and the API.")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=20, choices=Type.choices, default=Type.BUYER)
    tier = models.CharField(max_length=40, blank=True, help_text="E.g. premium. Shown in events.")
    timezone = models.CharField(
        "time zone",
        max_length=64,
        default="UTC",
        validators=[validation.time_zone],
        help_text="Its days begin and end here, e.g. America/New_York.",
    )
    price = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="What it pays for a lead unless its reply, its bid or the step says otherwise.",
    )
    prices = models.JSONField(
        "prices by rules",
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[gatechecks.prices],
        help_text="The first price whose rules hold, else the price above; then what is added, or "
        "percent, by all whose rules hold. A step that names a price goes before all of these.",
    )
    integration = models.CharField(
        max_length=60,
        default="http",
        validators=[validation.integration],
        help_text="How leads are sent. http covers JSON, XML, form and query requests.",
    )
    active = models.BooleanField(default=True, help_text="Off: it gets no leads.")
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(max_length=300, blank=True, editable=False)
    contact = models.TextField(blank=True, help_text="Who to call when deliveries fail.")
    contact_name = models.CharField(max_length=200, blank=True)
    contact_email = models.EmailField("contact's e-mail", blank=True)
    contact_phone = models.CharField("contact's phone", max_length=60, blank=True)
    notes = models.TextField("special requirements", blank=True)
    schema_notes = models.TextField(
        "notes on the schema",
        blank=True,
        help_text="What they say of their fields: lengths, lists of values, versions. Stands in "
        "the delivery specification.",
    )
    auth_notes = models.TextField(
        "notes on access",
        blank=True,
        help_text="Who gives out credentials and how they are changed. No credentials: it stands "
        "in the delivery specification.",
    )
    fields = models.JSONField(
        "own values",
        default=dict,
        blank=True,
        validators=[validation.plain_object],
        help_text="Available in mappings as {{recipient.name_of_value}}.",
    )
    filter = models.JSONField(
        default=dict,
        blank=True,
        validators=[validation.rules],
        help_text='Only leads that pass are sent, e.g. {"all": [{"field": "state", "op": "in", '
        '"value": ["TX"]}]}.',
    )
    duplicate_match = models.JSONField(
        "duplicates match on",
        default=list,
        blank=True,
        help_text="Sets of fields. It gets no lead that agrees in all fields of a set with one "
        'that it got before, whatever the flow, e.g. [["email"], ["phone_1"]].',
    )
    duplicate_within = DurationField(
        "duplicates within", null=True, blank=True, help_text="E.g. 90d."
    )
    suppress = models.ManyToManyField(
        "recipients.SuppressionList",
        blank=True,
        related_name="recipients",
        verbose_name="suppression lists",
        help_text="Leads on one of these lists pass it by.",
    )
    consent_required = models.BooleanField(
        "consent required",
        default=False,
        db_default=False,
        help_text="Leads without valid evidence of consent, as their flow describes it, pass it "
        "by.",
    )
    consent_max_age = DurationField(
        "consent not older than",
        null=True,
        blank=True,
        validators=[policies.check_positive],
        help_text="Counted to the moment of sending, e.g. 24h. Blank: any age.",
    )
    hours = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        validators=[gatechecks.hours],
        help_text="E.g. {mon-fri: 9am-8pm, sat: 10-14, closed: hold, timezone: recipient}. Closed: "
        "hold (until it opens) or skip (move on). Time zone: the recipient's or the lead's. "
        "Optional: holidays ([2026-12-25]), hold_at_most (96h: older leads move on).",
    )
    caps = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[gatechecks.caps],
        help_text="E.g. [{count: 100, per: day}, {money: 5000, per: month}], per minute, hour, "
        "day, week or month in its time zone. Optional: when (rules: only these leads count), "
        "full: hold (wait for the next window instead of moving on), timezone.",
    )
    limits = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        validators=[gatechecks.limits],
        help_text="E.g. {concurrency: 10, per_second: 20, per_minute: 600}: what goes beyond "
        "waits.",
    )
    mapping_text = models.TextField(
        "mapping as text",
        blank=True,
        validators=[validation.mapping_text],
        help_text="The whole mapping as one block; used instead of the rows.",
    )
    # Run-time state, as pausing is: not in bundles.
    trial_version = models.PositiveIntegerField(null=True, blank=True, editable=False)
    trial_percent = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    trial_since = models.DateTimeField(null=True, blank=True, editable=False)

    success = models.CharField(
        "success when",
        max_length=500,
        blank=True,
        help_text='E.g. status = "accepted", or //result = "accepted" for XML. Where '
        "neither this nor a reply rule says what success is, every 2xx answer counts as accepted.",
    )
    lead_id_path = models.CharField("lead id", max_length=300, blank=True)
    price_path = models.CharField("price path", max_length=300, blank=True)
    fallback_price = models.CharField(max_length=300, blank=True)
    message_path = models.CharField("message", max_length=300, blank=True)
    reason_path = models.CharField("reason", max_length=300, blank=True)
    capture = models.JSONField(
        "further captures",
        default=dict,
        blank=True,
        validators=[validation.plain_object],
        help_text='Named values to keep from the reply, e.g. {"agent": "assigned.agent"}.',
    )

    retry_timeout_growth = models.FloatField(
        "time-out growth",
        default=1.5,
        validators=[policies.check_growth],
        help_text="Each try may take that many times as long as the one before.",
    )
    retry_max_age = DurationField(
        "retries end after",
        null=True,
        blank=True,
        validators=[policies.check_positive],
        help_text="No retry comes later than this after a delivery's first try, e.g. 24h. "
        "Blank: no limit.",
    )
    retry_hold = models.BooleanField(
        "hold for review at the end",
        default=False,
        db_default=False,
        help_text="What failed technically at every endpoint waits for a person in the review "
        "queue. Outcomes with a retry policy of their own follow that.",
    )

    breaker_enabled = models.BooleanField(
        "leave failing endpoints alone",
        default=True,
        help_text="Each endpoint has a breaker that opens when it fails too often.",
    )
    breaker_failures = models.DecimalField(
        "failures",
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.5"),
        validators=[policies.check_failures],
        help_text="Opens when more than this share failed; 0.5 is 50 %.",
    )
    breaker_of = models.PositiveSmallIntegerField(
        "of the last",
        default=100,
        validators=[policies.check_window],
        help_text="Counted attempts, 1000 at most.",
    )
    breaker_at_least = models.PositiveSmallIntegerField(
        "and at least",
        default=20,
        validators=[policies.check_window],
        help_text="Fewer counted attempts say nothing.",
    )
    breaker_in_a_row = models.PositiveSmallIntegerField(
        "or in a row",
        default=10,
        validators=[policies.check_window],
        help_text="So many failures one after the other open it as well.",
    )
    breaker_wait = DurationField(
        "waits",
        default=300.0,
        validators=[policies.check_positive],
        help_text="Before one attempt probes it; doubles when that fails.",
    )
    breaker_longest_wait = DurationField(
        "waits at most", default=3600.0, validators=[policies.check_positive]
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validation.reply_reading(self)
        checks.duplicates(self.duplicate_match, self.duplicate_within)
        self.hours, self.caps = hours.normal(self.hours), caps.normal(self.caps)
        self.prices = prices.normal(self.prices)

    @property
    def is_paused(self) -> bool:
        return not self.active or self.paused_at is not None

    def reader_fields(self) -> dict[str, Any]:
        """What `responses.ReaderSpec` takes, its rules apart."""
        return {
            "success": self.success,
            "lead_id": self.lead_id_path,
            "price": self.price_path,
            "fallback_price": self.fallback_price,
            "message": self.message_path,
            "reason": self.reason_path,
            "capture": self.capture,
        }
