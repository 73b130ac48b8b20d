"""Who sends leads."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models

from flows import validation
from flows.pricing import service
from leadops.lib.fields import IdField, SecretField
from leadops.lib.keys import ApiKey
from recipients import prices


class Source(models.Model):
    """A lead seller, an affiliate or a form of one's own."""

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
        help_text="The first whose rules hold, e.g. [{when: {field: state, op: is, value: TX}, "
        "price: 12.00}]; else the price above.",
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
    feedback_url = models.URLField(
        "feedback URL", blank=True, help_text="Where buyers' feedback on its leads is passed on."
    )
    feedback_kinds = models.JSONField(
        default=list, blank=True, validators=[validation.feedback_kinds]
    )
    feedback_secret = SecretField(blank=True, help_text="Signs what is passed on.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.prices, self.pricing = prices.normal(self.prices), service.normal(self.pricing)


class SourceKey(ApiKey):
    """The key with which a source posts leads."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        ordering = ["created_at"]
