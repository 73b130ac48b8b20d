"""A recipient's own test: a lead, a reply, and what must come of them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from recipients import expectations, validation
from recipients.models.recipient import Recipient
from recipients.outcomes import Outcome


class TestCase(models.Model):
    """Run on demand, and before a mapping or reply rules are changed. What is blank of what is
    expected is not looked at."""

    __test__ = False  # to pytest, a class of this name holds tests

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="test_cases")
    position = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=120)
    lead = models.JSONField(
        "the lead",
        default=dict,
        blank=True,
        validators=[validation.plain_object],
        help_text="Invented values, as a source would post them; nobody's data belongs here.",
    )
    at = models.DateTimeField(
        "sent at",
        null=True,
        blank=True,
        help_text="What {{now}} is, in UTC. Blank: 31 January 2026, 12:00.",
    )
    sandbox = models.BooleanField(
        "call the sandbox",
        default=False,
        help_text="The sandbox answers instead of the reply below. Such cases are run on demand "
        "only.",
    )
    reply_status = models.PositiveSmallIntegerField(
        "status",
        null=True,
        blank=True,
        validators=[MinValueValidator(100), MaxValueValidator(599)],
        help_text="Of the simulated reply. Blank: only the request is looked at.",
    )
    reply_headers = models.TextField(
        "headers",
        blank=True,
        validators=[validation.reply_header_lines],
        help_text="One a line: Content-Type: application/json.",
    )
    reply_body = models.TextField("body", blank=True)
    request = models.TextField(
        "request",
        blank=True,
        validators=[validation.expected_request],
        help_text="An object is held against what the mapping gives; any other text against the "
        "body as it goes out, or against the address where there is none.",
    )
    exact = models.BooleanField(
        "nothing else",
        default=False,
        help_text="Off: the request may hold more than is written here.",
    )
    outcome = models.CharField(
        max_length=20,
        blank=True,
        choices=[(word.value, word.value) for word in Outcome if word is not Outcome.SKIPPED],
    )
    reason = models.CharField(max_length=500, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "name"],
                name="one_test_case_a_name",
                violation_error_message="This recipient has a test case of this name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.request = expectations.canonical(self.request)
        reads = bool(self.outcome or self.reason or self.price is not None)
        if reads and not self.sandbox and self.reply_status is None:
            raise ValidationError({"reply_status": "Without a reply there is no outcome."})
        if not reads and not self.request:
            raise ValidationError("Say what is expected: a request, an outcome, a reason, a price.")
