"""A recipient's page. The flows app registers it, with what it adds: steering and other pages."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from leadops.lib import locators
from leadops.lib.admin import ConsoleAdmin, choices, column, money
from leadops.lib.key_rows import show_new_keys
from recipients.admin.batches import BatchCard
from recipients.admin.bids import PingCard
from recipients.admin.policies import FailingMixin, left_alone
from recipients.admin.rows import (
    EndpointCards,
    MappingRows,
    PartnerKeys,
    ResponseRules,
    RetryRows,
)
from recipients.admin.terms import CAPS, PRICES
from recipients.integrations import INTEGRATIONS
from recipients.loading import compile_recipient
from recipients.models import Endpoint, Recipient, Secret

PATHS = ("lead_id_path", "price_path", "fallback_price", "message_path", "reason_path")


def integrations() -> list[tuple[str, str]]:
    return [(each.name, each.label) for each in INTEGRATIONS.values()]


class RecipientPage(FailingMixin, ConsoleAdmin):
    """Who receives leads, how to reach them, what is sent, how replies read."""

    list_display = ("shown_name", "type", "tier", "destination", "state", "shown_price")
    list_filter = (choices("type"), "active")
    list_filter_submit = True
    search_fields = ("name", "slug")
    search_help_text = "Name or slug"
    ordering = ("name",)
    prepopulated_fields = {"slug": ("name",)}
    code_lines = ("success", *PATHS)
    code_boxes = {
        "hours": 4,
        "limits": 3,
        "filter": 6,
        "duplicate_match": 2,
        "fields": 3,
        "capture": 3,
        "mapping_text": 16,
    }
    chosen = {"integration": integrations}
    terms = {"caps": CAPS, "prices": PRICES}
    autocomplete_fields = ("suppress",)
    inlines = (
        EndpointCards,
        PingCard,
        BatchCard,
        MappingRows,
        ResponseRules,
        RetryRows,
        PartnerKeys,
    )
    readonly_fields = ("breakers",)
    change_form_before_template = "admin/recipients/cautions.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "slug"),
                    ("type", "tier"),
                    ("price", "timezone"),
                    "prices",
                    ("integration", "active"),
                )
            },
        ),
        (
            "Reading replies",
            {
                "classes": ("tab",),
                "fields": ("success", *PATHS, "capture"),
            },
        ),
        (
            "Filter",
            {
                "classes": ("tab",),
                "fields": (
                    "filter",
                    "suppress",
                    ("duplicate_match", "duplicate_within"),
                    ("consent_required", "consent_max_age"),
                ),
            },
        ),
        (
            "Hours, caps and limits",
            {"classes": ("tab",), "fields": ("hours", "caps", "limits")},
        ),
        (
            "When it fails",
            {
                "classes": ("tab",),
                "fields": (
                    "breakers",
                    "breaker_enabled",
                    ("breaker_failures", "breaker_of"),
                    ("breaker_at_least", "breaker_in_a_row"),
                    ("breaker_wait", "breaker_longest_wait"),
                    ("retry_timeout_growth", "retry_max_age"),
                    "retry_hold",
                ),
            },
        ),
        ("Own values", {"classes": ("tab",), "fields": ("fields",)}),
        ("Mapping as text", {"classes": ("tab",), "fields": ("mapping_text",)}),
        (
            "Contact and notes",
            {
                "classes": ("tab",),
                "fields": (
                    ("contact_name", "contact_email", "contact_phone"),
                    "contact",
                    "notes",
                    "schema_notes",
                    "auth_notes",
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        """An account manager has the recipients given, everybody else all."""
        visible = request.user.visible_recipients()  # type: ignore[union-attr]
        query: QuerySet[Recipient] = visible.select_related("ping").order_by("name")
        endpoints = Endpoint.objects.select_related("breaker")
        return query.prefetch_related(Prefetch("endpoints", queryset=endpoints))

    @column(description="Name", ordering="name", header=True)
    def shown_name(self, recipient: Recipient) -> list[str]:
        return [recipient.name, recipient.slug]

    @column(description="Goes to")
    def destination(self, recipient: Recipient) -> str:
        kinds = {endpoint.kind: endpoint.url for endpoint in recipient.endpoints.all()}
        url = kinds.get("production") or next(iter(kinds.values()), "")
        shown = locators.without_secrets(url).split("?", 1)[0]
        return str(Truncator(shown).chars(60)) or "No endpoint yet"

    @column(
        description="State",
        label={
            "Active": "success",
            "Paused": "warning",
            "Endpoint paused": "danger",
            "Breaker open": "danger",
            "Off": "",
        },
    )
    def state(self, recipient: Recipient) -> str:
        if not recipient.active:
            return "Off"
        if recipient.paused_at:
            return "Paused"
        if any(endpoint.paused_at for endpoint in recipient.endpoints.all()):
            return "Endpoint paused"
        return "Breaker open" if left_alone(recipient.endpoints.all()) else "Active"

    @column(description="Price", ordering="price")
    def shown_price(self, recipient: Recipient) -> str:
        return money(recipient.price)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        show_new_keys(request, formset)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        recipient = self.get_object(request, unquote(object_id))
        extra = {"cautions": cautions(recipient) if recipient else []}
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def in_use(self, obj: Recipient) -> str:
        if obj.steps.exists() or obj.remediates.exists():
            return f"{obj} stands in a flow; take it out there first."
        if obj.deliveries.exists():
            return f"{obj} has deliveries in the record; switch it off instead."
        return ""


def cautions(recipient: Recipient) -> list[str]:
    """What somebody should know who opens the page."""
    found = []
    if recipient.paused_at:
        found.append(
            f"Paused since {recipient.paused_at:%Y-%m-%d %H:%M} UTC: {recipient.paused_reason}. "
            "New leads pass it by; what it may have already waits."
        )
    endpoints = list(recipient.endpoints.all())
    found += [
        f"The {endpoint.kind} endpoint is paused: {endpoint.paused_reason}"
        for endpoint in endpoints
        if endpoint.paused_at
    ]
    if recipient.breaker_enabled:
        found += left_alone(endpoints)
    if not any(endpoint.kind == Endpoint.Kind.PRODUCTION for endpoint in endpoints):
        found.append("There is no production endpoint: nothing can be sent.")
    found += _bidding(recipient, endpoints)
    if any(_is_simulated(endpoint) for endpoint in endpoints):
        found.append(
            "Replies are simulated: nothing is sent there, and leads count as sold all the same. "
            "Test leads, which count for nothing, go to the sandbox endpoint."
        )
    plan = compile_recipient(recipient, dict(Secret.objects.values_list("name", "value")))
    broken = plan.paused_reason.startswith("Configuration error")
    if plan.reader.is_bare and not broken:
        found.append("Nothing says what success is: every 2xx answer counts as accepted.")
    if any(endpoint.kind == "fallback" and _by_mail(endpoint) for endpoint in endpoints):
        found.append(
            "A fallback goes out by e-mail: nobody can tell there what another endpoint brought "
            "already, so after an attempt without an answer the buyer may get a lead twice."
        )
    if any(rule.then == "move_on" for rule in recipient.retry_rules.all()):
        found.append(
            "A retry policy moves on to the next buyer although this one may have the lead: "
            "an exclusive lead may be sold twice."
        )
    if broken and recipient.active:
        found.append(f"{plan.paused_reason}. It gets nothing until this is corrected.")
    return found


def _bidding(recipient: Recipient, endpoints: list[Endpoint]) -> list[str]:
    ping = getattr(recipient, "ping", None)
    asked = any(endpoint.kind == Endpoint.Kind.PING for endpoint in endpoints)
    if asked and ping is None:
        return [
            "There is a ping endpoint, but nothing says how its bids are read: it is not asked."
        ]
    if ping is not None and ping.static_bid is None and not asked:
        return ["Its bids can be read, but it has no ping endpoint: its price stands for a bid."]
    if asked and ping is not None and ping.static_bid is not None:
        return ["It has a static bid: its ping endpoint is not asked."]
    return []


def _is_simulated(endpoint: Endpoint) -> bool:
    return endpoint.kind != Endpoint.Kind.SANDBOX and endpoint.url.startswith("simulated:")


def _by_mail(endpoint: Endpoint) -> bool:
    return endpoint.url.startswith("mailto:")
