"""The ordered steps of a flow."""

from __future__ import annotations

from django.db import models

from flows import validation
from flows.models.flow import Flow
from leadops.lib.fields import IdField


class Step(models.Model):
    """A filter decides whether the lead goes on; a deliver step gives it to recipients."""

    class Kind(models.TextChoices):
        FILTER = "filter"
        DELIVER = "deliver"

    class OnFail(models.TextChoices):
        STOP = "stop", "Stop the lead"
        CONTINUE = "continue", "Note it and go on"

    class WhileOpen(models.TextChoices):
        WAIT = "wait", "Wait until it is tried again"
        SKIP = "skip", "Go on without it"

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
        help_text="Waterfall: gets what nobody else took.",
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
    weight = models.DecimalField(max_digits=8, decimal_places=3, default=1)
    priority = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["step", "recipient"], name="a_recipient_once_a_step")
        ]

    def __str__(self) -> str:
        return str(self.recipient)
