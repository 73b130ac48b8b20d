"""The parts of a recipient's page: endpoints, mapping, reply rules, retries, keys."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Case, IntegerField, QuerySet, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from unfold.forms import PaginationInlineFormSet

from leadops.lib import durations, locators
from leadops.lib.admin import Cards, Ordered, Rows, column
from leadops.lib.certificates import standing
from leadops.lib.key_rows import KeyRows
from leadops.lib.redact import Redactor
from recipients import validation
from recipients.admin.options import EndpointForm, options_field
from recipients.admin.policies import Picture, saved_picture
from recipients.integrations import INTEGRATIONS
from recipients.models import Endpoint, MappingRow, PartnerKey, Recipient, ResponseRule, RetryRule
from recipients.retry import DEFAULT_RULES, Then

THEN = {
    Then.FAIL: "then given up, and the step goes on",
    Then.RETRY_SAME: "then given up; nobody else gets the lead",
    Then.MOVE_ON: "then on to the next buyer",
    Then.HOLD: "then held for review",
}


ORDER = Case(
    *(When(kind=kind, then=place) for place, kind in enumerate(Endpoint.Kind.values)),
    output_field=IntegerField(),
)


class EndpointFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    def add_fields(self, form: EndpointForm, index: int | None) -> None:
        super().add_fields(form, index)
        form.choose(self.instance.integration)

    def clean(self) -> None:
        """One of a kind; the database would say it less kindly."""
        super().clean()
        seen = set()
        for form in self.forms:
            kind = getattr(form, "cleaned_data", {}).get("kind")
            if not kind or kind in Endpoint.SEVERAL or form.cleaned_data.get("DELETE"):
                continue
            if kind in seen:
                form.add_error("kind", "There is one of this kind already.")
            seen.add(kind)


def endpoint_integrations() -> list[tuple[str, str]]:
    """Blank is the recipient's own."""
    own = ("", "The recipient's")
    return [own, *((each.name, each.label) for each in INTEGRATIONS.values())]


class EndpointCards(Cards):
    model = Endpoint
    verbose_name_plural = "endpoints"
    code_lines = ("url", "idempotency_template")
    code_boxes = {
        "headers": 3,
        "when": 4,
        "tls_ca": 3,
        "tls_certificate": 3,
    }
    chosen = {"integration": endpoint_integrations}
    form = EndpointForm
    formset = EndpointFormSet
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind", "condition"),
                    "integration",
                    "url",
                    "options",
                    "when",
                    ("method", "timeout"),
                    ("format", "xml_root"),
                    "headers",
                    ("idempotency_header", "idempotency_template"),
                    ("compress", "ascii"),
                    ("connections", "keep_alive"),
                )
            },
        ),
        (
            "Credentials",
            {
                "fields": (
                    ("auth", "auth_place"),
                    ("auth_name", "auth_username"),
                    "auth_secret",
                    "auth_options",
                    "tls_ca",
                    "tls_certificate",
                    ("tls_key", "certificates"),
                )
            },
        ),
    )
    readonly_fields = ("condition", "certificates")

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in ("options", "auth_options"):
            return options_field(db_field)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        """Production first, then as the kinds are listed."""
        query: QuerySet[Endpoint] = super().get_queryset(request)
        return query.order_by(ORDER, "position")

    @column(description="Condition")
    def condition(self, endpoint: Endpoint) -> str:
        if not endpoint.pk:
            return "New"
        if endpoint.paused_at:
            return f"Paused since {endpoint.paused_at:%Y-%m-%d %H:%M}: {endpoint.paused_reason}"
        return "In use"

    @column(description="Certificates")
    def certificates(self, endpoint: Endpoint) -> str:
        """Whose they are and until when, with a warning in time."""
        now = timezone.now()
        texts = (endpoint.tls_certificate, endpoint.tls_ca)
        found = [known for text in texts if text and (known := standing(text))]
        lines = [
            format_html(
                '<span class="{}">{}</span>',
                "leadops-warning" if known.is_urgent(now) else "",
                known.text(now),
            )
            for known in found
        ]
        return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines)) or "–"

    @column(description="URL")
    def read_url(self, endpoint: Endpoint) -> str:
        return locators.without_secrets(endpoint.url)

    @column(description="Headers")
    def read_headers(self, endpoint: Endpoint) -> str:
        """As written, but for credentials that somebody wrote out."""
        headers = Redactor().headers(dict(validation.parse_headers(endpoint.headers)))
        return "\n".join(f"{name}: {value}" for name, value in headers.items()) or "–"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """An account manager sees where leads go, not how."""
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if request.user.sees_all else fieldsets[:1]  # type: ignore[union-attr]


class MappingRows(Ordered, Rows):
    model = MappingRow
    verbose_name = "field"
    verbose_name_plural = "mapping"
    fields = ("key", "value", "when", "keep_blank", "position")
    code_lines = ("key",)
    rule_lines = ("when",)
    code_boxes = {"value": 1}


class ResponseRules(Ordered, Rows):
    model = ResponseRule
    verbose_name = "reply rule"
    verbose_name_plural = "reply rules"
    fields = (
        "status",
        "contains",
        "matches",
        "when",
        "header",
        "outcome",
        "reason",
        "position",
    )
    code_lines = ("status", "contains", "matches", "when", "header")
    template_before = "admin/recipients/rules_note.html"


class RetryRows(Rows):
    model = RetryRule
    verbose_name = "retry policy"
    verbose_name_plural = "retries"
    fields = ("outcome", "times", "backoff", "factor", "max_wait", "jitter", "then")
    template_before = "admin/recipients/retry_note.html"
    template_after = "admin/recipients/retry_tries.html"
    picture = Picture()

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        self.picture = saved_picture(obj or Recipient())
        return super().get_formset(request, obj, **kwargs)

    @property
    def defaults(self) -> list[dict[str, str]]:
        """What applies to outcomes without a row."""
        return [
            {
                "outcome": outcome.value,
                "tries": (
                    f"{rule.times} retries from {durations.text(rule.backoff)}"
                    if rule.times
                    else "no retry"
                ),
                "then": THEN[rule.then],
            }
            for outcome, rule in DEFAULT_RULES.items()
        ]


class PartnerKeys(KeyRows):
    model = PartnerKey
    verbose_name_plural = "feedback keys"
