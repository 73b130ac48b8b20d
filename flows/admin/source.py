"""Sources and their keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from flows.admin import passing
from flows.models import Source, SourceKey
from leadops.lib import history, secrets
from leadops.lib.admin import ConsoleAdmin, asked, button, column, done, money
from leadops.lib.key_rows import KeyRows, show_new_keys, tell_key
from recipients.admin.terms import SOURCE_PRICES


class KeyNameForm(BaseDialogForm):  # type: ignore[misc]
    name = forms.CharField(
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget({"placeholder": "E.g. landing page"}),
        help_text="What will use this key.",
    )


class SourceKeys(KeyRows):
    model = SourceKey
    template_before = "admin/flows/keys_note.html"


@admin.register(Source)
class SourceAdmin(passing.PassingMixin, ConsoleAdmin):
    """Who sends leads, what they are paid, the keys they post with."""

    list_display = ("shown_name", "shown_price", "in_flows", "keys_in_use", "state")
    list_filter = ("active",)
    search_fields = ("name", "slug")
    search_help_text = "Name or slug"
    ordering = ("name",)
    prepopulated_fields = {"slug": ("name",)}
    inlines = (SourceKeys,)
    actions_detail = ("new_key", *passing.ACTIONS)
    code_boxes = {
        "fields": 4,
        "feedback_kinds": 2,
        "feedback_include": 2,
        "feedback_fields": 2,
        "feedback_template": 8,
        "aliases": 4,
        "require": 2,
        "allowed_ips": 3,
        "pricing": 6,
        "allowed_origins": 2,
        "redirect_hosts": 2,
    }
    terms = {"prices": SOURCE_PRICES}
    fieldsets = (
        (None, {"fields": (("name", "slug"), ("price", "active"), "fields")}),
        (
            "Terms",
            {
                "description": "What holds in all flows. A flow may add to names and required "
                "fields, and say other addresses and prices, on its page.",
                "fields": (("aliases", "require"), "allowed_ips", "prices", "pricing"),
            },
        ),
        (
            "Web forms",
            {
                "description": "Forms post to /flows/FLOW/sources/SOURCE/submit, as LeadConduit’s "
                "senders do.",
                "fields": ("open_submit", ("allowed_origins", "redirect_hosts")),
            },
        ),
        passing.FIELDSET,
    )
    readonly_fields = passing.CONDITION

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        query: QuerySet[Source] = super().get_queryset(request)
        return query.annotate(
            flow_count=Count("flows", distinct=True),
            key_count=Count("keys", distinct=True, filter=Q(keys__revoked_at__isnull=True)),
        )

    @column(description="Name", ordering="name", header=True)
    def shown_name(self, source: Source) -> list[str]:
        return [source.name, source.slug]

    @column(description="Price", ordering="price")
    def shown_price(self, source: Source) -> str:
        return money(source.price)

    @column(description="Flows", ordering="flow_count")
    def in_flows(self, source: Any) -> int:
        return int(source.flow_count)

    @column(description="Keys in use", ordering="key_count")
    def keys_in_use(self, source: Any) -> int:
        return int(source.key_count)

    @column(description="State", label={"Active": "success", "Off": ""})
    def state(self, source: Source) -> str:
        return "Active" if source.active else "Off"

    @button(
        description="New key",
        icon="key",
        permissions=["change"],
        variant=ActionVariant.PRIMARY,
        dialog=asked(
            "Make a key",
            "It is shown once, on the next page. Keys in use stay in use.",
            submit="Make key",
            form=KeyNameForm,
        ),
    )
    def new_key(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Make a key and show it, this once."""
        source = self.get_queryset(request).get(pk=unquote(object_id))
        before = history.keeper().snapshot_of(source)
        plain = secrets.new_key("src")
        key = SourceKey(source=source, name=form.cleaned_data["name"])
        key.set(plain)
        key.save()
        after = history.keeper().snapshot_of(source)
        history.keeper().record_change(before, after, source, request.user.get_username())
        tell_key(request, key, plain)
        return done()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        show_new_keys(request, formset)

    def in_use(self, obj: Source) -> str:
        if obj.flows.exists():
            return f"{obj} stands in a flow; take it out there first."
        if obj.leads.exists():
            return f"{obj} has leads in the record; switch it off instead."
        return ""
