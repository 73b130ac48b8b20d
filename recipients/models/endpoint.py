"""One way to reach a recipient."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from leadops.lib import locators
from leadops.lib.fields import DurationField, IdField, SecretField
from recipients import validation
from recipients.models.credentials import Credentials
from recipients.models.recipient import Recipient


class Endpoint(Credentials):
    """An address with its format, credentials and, at run time, its condition."""

    class Kind(models.TextChoices):
        PRODUCTION = "production"
        BACKUP = "backup"
        SANDBOX = "sandbox"
        REGIONAL = "regional"
        FALLBACK = "fallback", "Fallback in another form"
        PING = "ping", "Ping: asked for bids"

    class Format(models.TextChoices):
        JSON = "json", "JSON"
        XML = "xml", "XML"
        FORM = "form"
        QUERY = "query", "Query string"
        CSV = "csv", "CSV"

    # Kinds of which a recipient may have several.
    SEVERAL = frozenset({Kind.REGIONAL, Kind.FALLBACK})

    id = IdField("ept")
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="endpoints")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.PRODUCTION)
    position = models.PositiveIntegerField(default=0)
    integration = models.CharField(
        max_length=60,
        blank=True,
        validators=[validation.integration],
        help_text="Blank: the recipient's. Fallbacks mostly have another one.",
    )
    url = models.CharField(
        "URL",
        max_length=2000,
        validators=[validation.url_template],
        help_text="May hold {{…}}, e.g. https://api.buyer.com/campaigns/{{campaign_id}}/leads.",
    )
    method = models.CharField(
        max_length=8,
        default="POST",
        choices=[(verb, verb) for verb in ("POST", "PUT", "PATCH", "GET")],
    )
    format = models.CharField(max_length=10, choices=Format.choices, default=Format.JSON)
    xml_root = models.CharField(
        "XML root",
        max_length=100,
        default="lead",
        validators=[validation.xml_name],
        help_text="Name of the outermost element of XML bodies.",
    )
    timeout = DurationField(
        default=10.0,
        validators=[validation.timeout],
        help_text="For the whole exchange, first byte out to last byte in, e.g. 10s.",
    )
    compress = models.BooleanField(default=False, help_text="Send bodies with gzip.")
    headers = models.TextField(
        blank=True,
        validators=[validation.header_lines],
        help_text="One a line: X-Request-ID: {{lead.id}}. ${NAME} is taken from the secrets.",
    )
    options = models.JSONField(
        "options of the integration",
        default=dict,
        blank=True,
        validators=[validation.written_options],
        help_text="Those of the integration chosen. Secrets are written ${NAME}.",
    )
    ascii = models.BooleanField(
        "send as ASCII", default=False, help_text="é becomes e, for receivers that know no accents."
    )
    tls_ca = models.TextField(
        "own authorities",
        blank=True,
        help_text="PEM. Trusted instead of the usual ones.",
    )
    tls_certificate = models.TextField(
        "client certificate", blank=True, help_text="PEM, its chain after it."
    )
    tls_key = SecretField("client key", blank=True, help_text="PEM. Kept encrypted.")
    connections = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
        help_text="Kept open at most, for each worker. Blank: as many as it sends at once.",
    )
    keep_alive = DurationField(
        default=300.0,
        validators=[validation.keep_alive],
        help_text="An idle connection is kept that long, 5m at most; 0s closes each after its use.",
    )
    when = models.JSONField(
        default=dict,
        blank=True,
        validators=[validation.rules],
        help_text="Regional endpoints: the leads that go here.",
    )
    idempotency_header = models.CharField(max_length=100, default="Idempotency-Key", blank=True)
    idempotency_template = models.CharField(
        max_length=300,
        blank=True,
        validators=[validation.template],
        help_text="Blank: one stable key a delivery.",
    )

    # The endpoint's condition, written by the workers.
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(max_length=300, blank=True, editable=False)
    not_before = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["recipient", "kind", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "kind"],
                condition=~Q(kind__in=["regional", "fallback"]),
                name="one_endpoint_a_kind",
                violation_error_message="There is one of this kind already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {locators.without_secrets(self.url)}"

    def clean(self) -> None:
        validation.endpoint_auth(self)
        validation.endpoint_options(self)
        validation.endpoint_fixed(self)
        validation.endpoint_address(self)
        validation.endpoint_tls(self)
