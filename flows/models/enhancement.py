"""How an enhancement step asks its service, and what it appends."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models

from flows import validation
from flows.models.step import Step
from leadops.lib.fields import DurationField
from recipients import validation as sending
from recipients.models import Credentials


class Enhancement(Credentials):
    """The settings of a step of kind enhance. What is blank is as its service has it."""

    class Method(models.TextChoices):
        GET = "GET", "GET"
        POST = "POST", "POST"
        PUT = "PUT", "PUT"

    class Format(models.TextChoices):
        JSON = "json", "JSON"
        XML = "xml", "XML"
        FORM = "form", "form"
        QUERY = "query", "Query string"

    class TestLeads(models.TextChoices):
        CALL = "call", "Ask for them too"
        SKIP = "skip", "Do not ask for them"

    class Pings(models.TextChoices):
        KNOWN = "known", "Ask where the ping has all that it is told"
        NEVER = "never", "Do not ask for them"

    class OnFail(models.TextChoices):
        CONTINUE = "continue", "Note it and go on"
        STOP = "stop", "Stop the lead"

    step = models.OneToOneField(
        Step, on_delete=models.CASCADE, primary_key=True, related_name="enhancement"
    )
    service = models.CharField(max_length=60, default="http", validators=[validation.service])
    url = models.CharField(
        "URL",
        max_length=2000,
        blank=True,
        validators=[validation.service_url],
        help_text="May hold {{…}}. Blank: where the service is.",
    )
    method = models.CharField(
        max_length=8, blank=True, choices=Method.choices, help_text="Blank: the service's; POST."
    )
    format = models.CharField(
        max_length=10,
        blank=True,
        choices=Format.choices,
        help_text="Blank: the service's; JSON, or a query with GET.",
    )
    headers = models.TextField(
        blank=True,
        validators=[sending.header_lines],
        help_text="One a line: X-Request-ID: {{lead.id}}. ${NAME} is taken from the secrets.",
    )
    send = models.JSONField(
        "sends",
        default=dict,
        blank=True,
        validators=[sending.mapping_document],
        help_text="What it is told, e.g. {phone: '{{lead.phone_1}}'}. Nothing else is.",
    )
    append = models.JSONField(
        "appends",
        default=dict,
        blank=True,
        validators=[validation.append],
        help_text="Our names and where each stands in the reply: {carrier: carrier.name}. Rules "
        "read appended.STEP.carrier, mappings {{lead.appended.STEP.carrier}}. For what is nobody's "
        "business: {score: {path: score, privacy: personal}}, or sensitive, which no snapshot "
        "holds.",
    )
    success = models.CharField(
        max_length=2000,
        blank=True,
        help_text="When it has answered, e.g. status = ok. Blank: any 2xx.",
    )
    reason_path = models.CharField(
        "reason", max_length=500, blank=True, help_text="Where it says why not."
    )
    timeout = DurationField(
        default=5.0,
        validators=[validation.service_timeout],
        help_text="The lead waits so long for an answer, then goes on without it.",
    )
    when = models.JSONField(
        default=dict,
        blank=True,
        validators=[validation.rules],
        help_text="The leads it is asked about; others pass by. Blank: all.",
    )
    cache_for = DurationField(
        "answers are kept for",
        null=True,
        blank=True,
        validators=[validation.positive],
        help_text="E.g. 24h: whoever asks the same in that time gets the same answer, free of "
        "charge. Blank: every lead is asked about.",
    )
    cache_key = models.CharField(
        max_length=1000,
        blank=True,
        validators=[sending.template],
        help_text="What makes two questions the same, e.g. {{lead.phone_1}}. Blank: all that is "
        "sent.",
    )
    cost = models.DecimalField(
        "cost of a call",
        max_digits=12,
        decimal_places=4,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Paid for every answer, yes or no; added to the lead's cost.",
    )
    test_leads = models.CharField(max_length=10, choices=TestLeads.choices, default=TestLeads.CALL)
    pings = models.CharField(
        "pings of sources",
        max_length=10,
        choices=Pings.choices,
        default=Pings.KNOWN,
        db_default=Pings.KNOWN,
    )
    on_fail = models.CharField(
        "when it fails",
        max_length=10,
        choices=OnFail.choices,
        default=OnFail.CONTINUE,
        help_text="When it says no, or nothing.",
    )

    def __str__(self) -> str:
        return f"{self.step.name}: {self.service}"

    def clean(self) -> None:
        validation.enhancement(self)
