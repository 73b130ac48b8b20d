"""What happens to leads of one kind: their fields, who may send them, what they cost."""

from __future__ import annotations

from django.db import models

from flows import validation
from flows.models.source import Source
from flows.pricing import service
from leadops.lib.fields import DurationField, IdField, RetentionField
from recipients import caps, gatechecks, prices


class Flow(models.Model):
    id = IdField("flow")
    slug = models.SlugField(unique=True, help_text="Names it in bundles, URLs and the API.")
    name = models.CharField(max_length=200)
    currency = models.CharField(
        max_length=3, default="USD", validators=[validation.currency], help_text="E.g. USD."
    )
    active = models.BooleanField(default=True, help_text="Off: new leads are refused.")
    duplicate_match = models.JSONField(
        "duplicates match on",
        default=list,
        blank=True,
        help_text='Sets of fields, any of which makes a duplicate, e.g. [["email"], ["phone_1"]].',
    )
    duplicate_within = DurationField(
        "duplicates within", null=True, blank=True, help_text="E.g. 30d."
    )
    suppress = models.ManyToManyField(
        "recipients.SuppressionList",
        blank=True,
        related_name="flows",
        verbose_name="suppression lists",
        help_text="Leads on one of these lists are rejected at the door.",
    )
    caps = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[gatechecks.caps],
        help_text="Leads beyond are rejected at the door. "
        "E.g. [{count: 100, per: day}, {money: 5000, per: month}]. Optional: when (rules: "
        "only these leads count), timezone (else UTC).",
    )
    consent_field = models.CharField(
        "evidence",
        max_length=60,
        blank=True,
        help_text="The field that holds the evidence of consent, e.g. trustedform_cert_url, "
        "jornaya_leadid or a tick.",
    )
    consent_required = models.BooleanField(
        "required",
        default=False,
        db_default=False,
        help_text="Leads without valid evidence are rejected at the door. Off: the record says "
        "how it was, and recipients may still require it.",
    )
    consent_max_age = DurationField(
        "not older than",
        null=True,
        blank=True,
        validators=[validation.positive],
        help_text="E.g. 30d. Blank: any age.",
    )
    consent_at = models.CharField(
        "given at",
        max_length=60,
        blank=True,
        help_text="The field that says when it was given. Blank: the lead's arrival counts.",
    )
    consent_text = models.CharField(
        "text shown",
        max_length=60,
        blank=True,
        help_text="The field that holds the words the person agreed to. Evidence without them is "
        "not valid.",
    )

    exchanges_kept = RetentionField(
        "requests and replies kept",
        null=True,
        blank=True,
        help_text="E.g. 90d, or forever. Blank: as the record's settings say. Longer or shorter.",
    )
    snapshots_kept = RetentionField(
        "snapshots kept",
        null=True,
        blank=True,
        help_text="The leads' values. Without them a lead cannot be sent again.",
    )
    events_kept = RetentionField(
        "events kept",
        null=True,
        blank=True,
        help_text="Longer only: events go by whole months, those of all flows together, so the "
        "longest time of all flows and of the record's settings holds for every flow.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validation.duplicates(self.duplicate_match, self.duplicate_within)
        validation.consent(
            self.consent_field,
            {
                "consent_required": self.consent_required,
                "consent_max_age": self.consent_max_age,
                "consent_at": self.consent_at,
                "consent_text": self.consent_text,
            },
        )
        self.caps = caps.normal(self.caps)


class FlowField(models.Model):
    """A field of the flow's leads."""

    class Privacy(models.TextChoices):
        PLAIN = "plain"
        PERSONAL = "personal"
        SENSITIVE = "sensitive"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="fields")
    position = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=60, validators=[validation.field_name])
    type = models.CharField(max_length=30, default="string", validators=[validation.field_type])
    required = models.BooleanField(default=False)
    privacy = models.CharField(max_length=10, choices=Privacy.choices, default=Privacy.PLAIN)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["flow", "name"], name="one_field_a_name")]

    def __str__(self) -> str:
        return self.name


class FlowSource(models.Model):
    """A source that may send to the flow, and on which terms."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="sources")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="flows")
    position = models.PositiveIntegerField(default=0)
    price = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Blank: the source's own price.",
    )
    accept = models.JSONField(
        "accepts",
        default=dict,
        blank=True,
        validators=[validation.rules],
        help_text="Leads that do not pass are rejected at the door.",
    )
    aliases = models.JSONField(
        "field names",
        default=dict,
        blank=True,
        validators=[validation.aliases],
        help_text="Its names for this flow's fields, e.g. {fname: first_name, contact.phone: "
        "phone_1}; added to those of the source.",
    )
    require = models.JSONField(
        "required fields",
        default=list,
        blank=True,
        validators=[validation.field_names],
        help_text="Besides those that flow and source require, e.g. [phone_1].",
    )
    allowed_ips = models.JSONField(
        "allowed addresses",
        default=list,
        blank=True,
        validators=[validation.networks],
        help_text="E.g. [203.0.113.0/24]. Blank: as the source says.",
    )
    prices = models.JSONField(
        "prices by rules",
        default=list,
        blank=True,
        validators=[validation.prices],
        help_text="The first whose rules hold, e.g. [{when: {field: state, op: is, value: TX}, "
        "price: 12.00}]; else the price above. Any price named here replaces all of the source's.",
    )
    pricing = models.JSONField(
        "pricing service",
        default=dict,
        blank=True,
        validators=[validation.pricing],
        help_text="Asked at the door: {url, send: {zip: '{{lead.postal_code}}'}, price: path in "
        "the answer, timeout: 1s, max_price, fallback}. Secrets as ${NAME}.",
    )
    caps = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[gatechecks.caps],
        help_text="Leads of this source beyond are rejected at the door. "
        "E.g. [{count: 100, per: day}, {money: 5000, per: month}]. Optional: when (rules: "
        "only these leads count), timezone (else UTC).",
    )
    duplicate_match = models.JSONField(
        "duplicates match on",
        default=list,
        blank=True,
        help_text="Sets of fields, as the flow's, among the leads of this source alone.",
    )
    duplicate_within = DurationField(
        "duplicates within", null=True, blank=True, help_text="E.g. 24h."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["flow", "source"], name="a_source_once_a_flow")
        ]

    def __str__(self) -> str:
        return str(self.source)

    def clean(self) -> None:
        validation.duplicates(self.duplicate_match, self.duplicate_within)
        self.prices, self.pricing = prices.normal(self.prices), service.normal(self.pricing)
        self.caps = caps.normal(self.caps)
