"""Who sends leads."""

from __future__ import annotations

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from events.models.subscription import validate_secret
from events.passing import checking
from flows import validation
from flows.pricing import service
from leadops.lib.fields import DurationField, IdField, SecretField
from leadops.lib.keys import ApiKey
from recipients import prices
from recipients.validation import time_zone, xml_name


class Source(models.Model):
    """A lead seller, an affiliate or a form of one's own."""

    class FeedbackMode(models.TextChoices):
        INDIVIDUAL = "individual", "One by one"
        SUMMARY = "summary", "Summaries"

    class FeedbackFormat(models.TextChoices):
        JSON = "json", "JSON"
        XML = "xml", "XML"
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel"
        TEXT = "text", "Text of its own"

    id = IdField("src")
    slug = models.SlugField(unique=True, help_text="Names it in bundles, URLs and the API.")
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True, help_text="Off: its leads are refused.")
    price = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Paid to it for an accepted lead, unless the flow names another price.",
    )
    fields = models.JSONField(
        "own values",
        default=dict,
        blank=True,
        validators=[validation.plain_object],
        help_text="Available in mappings as {{source.name_of_value}}, e.g. campaign_id.",
    )
    aliases = models.JSONField(
        "field names",
        default=dict,
        blank=True,
        validators=[validation.aliases],
        help_text="Its names for our fields, e.g. {fname: first_name, contact.phone: phone_1}.",
    )
    require = models.JSONField(
        "required fields",
        default=list,
        blank=True,
        validators=[validation.field_names],
        help_text="Besides those that the flow requires, e.g. [phone_1].",
    )
    allowed_ips = models.JSONField(
        "allowed addresses",
        default=list,
        blank=True,
        validators=[validation.networks],
        help_text="Only from these it may send, e.g. [203.0.113.0/24]. Blank: from everywhere.",
    )
    prices = models.JSONField(
        "prices by rules",
        default=list,
        blank=True,
        validators=[validation.prices],
        help_text="The first with a price whose rules hold, e.g. [{when: {field: state, op: is, "
        "value: TX}, price: 12.00}]; else the price above. Then every rule that holds with add "
        "(an amount, e.g. add: -2.00) or percent (e.g. percent: 10) changes it.",
    )
    pricing = models.JSONField(
        "pricing service",
        default=dict,
        blank=True,
        validators=[validation.pricing],
        help_text="Asked at the door: {url, send: {zip: '{{lead.postal_code}}'}, price: path in "
        "the answer, timeout: 1s, max_price, fallback}. Secrets as ${NAME}.",
    )
    open_submit = models.BooleanField(
        "open submit address",
        default=False,
        help_text="Web forms cannot keep a key: the submit address alone is enough. Anybody who "
        "knows it can post.",
    )
    allowed_origins = models.JSONField(
        "allowed sites",
        default=list,
        blank=True,
        validators=[validation.origins],
        help_text="Pages whose forms may post without a key, e.g. [https://www.example.com]. "
        "Blank: all.",
    )
    redirect_hosts = models.JSONField(
        "redirect hosts",
        default=list,
        blank=True,
        validators=[validation.hosts],
        help_text="Where redir_url may lead, e.g. [www.example.com, *.example.org].",
    )
    feedback_kinds = models.JSONField(
        "kinds passed on",
        default=list,
        blank=True,
        validators=[validation.feedback_kinds],
        help_text="E.g. [conversion, return]; there are also contacted, quality, disposition and "
        "other. Blank: nothing is passed on.",
    )
    feedback_mode = models.CharField(
        "how",
        max_length=10,
        choices=FeedbackMode.choices,
        default=FeedbackMode.INDIVIDUAL,
        help_text="One by one, at once, to the URL or to the destination; or together in a file, "
        "to the destination.",
    )
    feedback_url = models.URLField(
        "feedback URL",
        blank=True,
        help_text="Gets a signed POST for each feedback on its leads. Blank: the destination "
        "gets it.",
    )
    feedback_secret = SecretField(
        blank=True,
        validators=[validate_secret],
        help_text="whsec_ and base64, or ${NAME} of the secrets. Signs what is posted after "
        "Standard Webhooks. Blank: it is not signed.",
    )
    feedback_include = models.JSONField(
        "words told",
        default=validation.feedback_words,
        blank=True,
        validators=[validation.feedback_include],
        help_text="Of [value, reason] what is told of the buyer’s words: only the usual short "
        "answers and amounts, never free text.",
    )
    feedback_fields = models.JSONField(
        "fields sent back",
        default=list,
        blank=True,
        validators=[validation.field_names],
        help_text="What it sent with the lead and knows it by, e.g. [click_id, sub_id]. Only "
        "plain fields of the flow go along.",
    )
    feedback_destination = models.ForeignKey(
        "events.Destination",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name="destination",
        related_name="feedback_sources",
        help_text="E-mail, SFTP, an object store, an API or a folder. Summaries go there, and "
        "without a URL each feedback as a file of its own; a text goes as the mail itself.",
    )
    feedback_every = DurationField(
        "every",
        default=86_400.0,
        validators=[MinValueValidator(300.0), MaxValueValidator(31 * 86_400.0)],
        help_text="How often a summary goes: 1h on the hour, 1d every day, 7d on Mondays. None "
        "goes where nothing was said.",
    )
    feedback_at = models.TimeField(
        "at",
        default=time(0),
        help_text="The time of day from which periods count: 1d at 07:00 is every morning at "
        "seven, 1h at 00:15 every quarter past.",
    )
    feedback_timezone = models.CharField(
        "time zone of summaries",
        max_length=64,
        default="UTC",
        validators=[time_zone],
        help_text="By whose clock, e.g. America/New_York.",
    )
    feedback_format = models.CharField(
        "format",
        max_length=4,
        choices=FeedbackFormat.choices,
        default=FeedbackFormat.JSON,
        help_text="Of each post and file.",
    )
    feedback_template = models.TextField(
        "own template",
        blank=True,
        help_text="In the mapping language. Of JSON, XML, CSV and Excel its keys and values, e.g. "
        "click: {{lead.click_id}}; of a text the text itself. It reads feedback, lead (plain "
        "fields), flow, source, summary and now. Blank: the usual fields.",
    )
    feedback_xml_root = models.CharField(
        "XML element",
        max_length=100,
        default="feedback",
        validators=[xml_name],
        help_text="Of XML: the root of one feedback, and its element in a summary.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.prices, self.pricing = prices.normal(self.prices), service.normal(self.pricing)
        checking.check(self)


class SourceKey(ApiKey):
    """The key with which a source posts leads."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        ordering = ["created_at"]
