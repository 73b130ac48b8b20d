"""The ordered steps of a flow."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models

from flows import validation
from flows.models.flow import Flow
from leadops.lib.fields import DurationField, IdField
from recipients import caps, gatechecks, prices


class Step(models.Model):
    """A filter decides whether the lead goes on; an enhancement asks a service about it (see
    `Enhancement`); a deliver step gives it to recipients."""

    class Kind(models.TextChoices):
        FILTER = "filter"
        ENHANCE = "enhance"
        DELIVER = "deliver"

    class OnFail(models.TextChoices):
        STOP = "stop", "Stop the lead"
        CONTINUE = "continue", "Note it and go on"

    class WhileOpen(models.TextChoices):
        WAIT = "wait", "Wait until it is tried again"
        SKIP = "skip", "Go on without it"

    class WhenDeclined(models.TextChoices):
        WAIT = "wait", "Wait for the next tier's time"
        OPEN_NEXT = "open_next", "Open the next tier at once"

    id = IdField("step")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.FILTER)
    name = models.SlugField(help_text="Names the rule set or step in events.")
    rules = models.JSONField(default=dict, blank=True, validators=[validation.rules])
    reason = models.CharField(
        max_length=300, blank=True, help_text="What the record says when the filter fails."
    )
    on_fail = models.CharField(max_length=10, choices=OnFail.choices, default=OnFail.STOP)
    pattern = models.CharField(
        max_length=30, default="single", validators=[validation.pattern], help_text="How it sells."
    )
    order = models.CharField(max_length=30, default="listed", validators=[validation.order])
    remediation = models.ForeignKey(
        "recipients.Recipient",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="remediates",
        help_text="Gets what nobody else took. Not for single and multi.",
    )
    when_declined = models.CharField(
        "when the open tiers declined",
        max_length=10,
        choices=WhenDeclined.choices,
        default=WhenDeclined.WAIT,
        db_default=WhenDeclined.WAIT,
        help_text="Exclusive window: what a lead does that everybody who may have it has refused.",
    )
    learn_over = DurationField(
        "learns over",
        null=True,
        blank=True,
        validators=[validation.positive],
        help_text="E.g. 7d. Best price and weighted then go by expected revenue: price × "
        "acceptance × (1 − return rate), measured over that time. In an auction a bid counts less "
        "by its bidder's return rate. Blank: by price, weight and bid.",
    )
    learn_minimum = models.PositiveIntegerField(
        "learns from",
        null=True,
        blank=True,
        help_text="Deliveries a recipient must have had for its figures to count; until then it "
        "counts as the mean of the others. Blank: 50.",
    )

    auction_deadline = DurationField(
        "bids within",
        default=2.0,
        db_default=2.0,
        validators=[validation.deadline],
        help_text="Ping/post: how long all bids are waited for.",
    )

    offer_valid = DurationField(
        "offers stand for",
        default=60.0,
        db_default=60.0,
        validators=[validation.positive],
        help_text="What a source's ping was offered is paid for a lead that is posted within that "
        "time.",
    )
    tell_losers = models.BooleanField(
        "tell losers",
        default=False,
        db_default=False,
        help_text="Ping/post: once the lead is sold, those who bid in vain are told so, each at "
        "its lost URL. Never at what price.",
    )

    caps = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[gatechecks.caps],
        help_text="Of all its leads that are accepted. "
        "E.g. [{count: 100, per: day}, {money: 5000, per: month}]. Optional: when (rules: "
        "only these leads count), full (skip or hold), timezone (else UTC).",
    )

    while_open = models.CharField(
        "while a breaker is open",
        max_length=10,
        choices=WhileOpen.choices,
        default=WhileOpen.WAIT,
        help_text="What a lead does whose recipient fails too often to be sent anything.",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["flow", "name"], name="one_step_a_name")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"

    def clean(self) -> None:
        if self.kind == self.Kind.FILTER:
            validation.filter_rules(self.rules)
        if self.remediation_id:
            validation.remediation(self.pattern)
        if self.kind == self.Kind.DELIVER:
            validation.learning(
                self.order,
                over=self.learn_over,
                minimum=self.learn_minimum,
                pattern=self.pattern,
            )
        self.caps = caps.normal(self.caps)


class StepRecipient(models.Model):
    """A recipient in a deliver step."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="recipients")
    recipient = models.ForeignKey(
        "recipients.Recipient", on_delete=models.PROTECT, related_name="steps"
    )
    position = models.PositiveIntegerField(default=0)
    price = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Blank: the recipient's own price.",
    )
    prices = models.JSONField(
        "prices by rules",
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[validation.prices],
        help_text="The first whose rules hold, e.g. [{when: {field: state, op: is, value: TX}, "
        "price: 55.00}]; else the price.",
    )
    weight = models.DecimalField(
        max_digits=8,
        decimal_places=3,
        default=1,
        validators=[MinValueValidator(0)],
        help_text="Weighted, percentage: its share. 0: only when nobody else is left.",
    )
    priority = models.PositiveIntegerField(
        default=0, help_text="Priority: the lowest number first."
    )
    caps = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[gatechecks.caps],
        help_text="Besides the recipient's own. "
        "E.g. [{count: 100, per: day}, {money: 5000, per: month}]. Optional: when (rules: "
        "only these leads count), full (skip or hold), timezone (else the recipient's).",
    )
    opens_after = DurationField(
        "opens after",
        null=True,
        blank=True,
        help_text="Exclusive window: the lead's age from which it may have it, e.g. 24h. Those of "
        "the same age are a tier. Blank: at once.",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["step", "recipient"], name="a_recipient_once_a_step")
        ]

    def __str__(self) -> str:
        return str(self.recipient)

    def clean(self) -> None:
        self.prices, self.caps = prices.normal(self.prices), caps.normal(self.caps)
