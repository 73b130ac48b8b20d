"""Suppression lists: what they are. Their entries have a page of their own."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from leadops.lib.admin import ConsoleAdmin, button, column
from recipients.models import SuppressionList
from recipients.suppression import TYPES


def types() -> list[tuple[str, str]]:
    return [("", "As the first field's name says"), *TYPES.items()]


@admin.register(SuppressionList)
class SuppressionListAdmin(ConsoleAdmin):
    """Values that are not to be sent, kept as digests."""

    list_display = ("shown_name", "looks_at", "holds", "shown_entries", "used_by", "entries_link")
    search_fields = ("name", "slug")
    search_help_text = "Name or slug"
    ordering = ("name",)
    prepopulated_fields = {"slug": ("name",)}
    code_boxes = {"fields": 2}
    chosen = {"type": types}
    actions_detail = ("entries_page",)
    fieldsets = ((None, {"fields": (("name", "slug"), "fields", ("type", "hashed"))}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SuppressionList]:
        query: QuerySet[SuppressionList] = super().get_queryset(request)
        return query.prefetch_related("flows", "recipients")

    @column(description="Name", ordering="name", header=True)
    def shown_name(self, row: SuppressionList) -> list[str]:
        return [row.name, row.slug]

    @column(description="Looks at")
    def looks_at(self, row: SuppressionList) -> str:
        return ", ".join(row.fields)

    @column(description="Holds", ordering="hashed")
    def holds(self, row: SuppressionList) -> str:
        kind = TYPES.get(row.value_type, row.value_type)
        return kind if row.hashed == "none" else f"{kind}, {row.get_hashed_display()}"

    @column(description="Entries", ordering="entries")
    def shown_entries(self, row: SuppressionList) -> str:
        return f"{row.entries:,}"

    @column(description="Used by")
    def used_by(self, row: SuppressionList) -> str:
        users = [*row.flows.all(), *row.recipients.all()]
        return ", ".join(map(str, users)) or "Nobody yet"

    @column(description="")
    def entries_link(self, row: SuppressionList) -> SafeString:
        url = reverse("suppression:list", args=[row.slug])
        return format_html('<a class="leadops-link" href="{}">Search, upload</a>', url)

    @button(
        description="Search and upload entries",
        icon="upload",
        permissions=["view"],
        variant=ActionVariant.PRIMARY,
    )
    def entries_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = SuppressionList.objects.get(pk=unquote(object_id))
        return HttpResponseRedirect(reverse("suppression:list", args=[row.slug]))

    def in_use(self, obj: SuppressionList) -> str:
        if obj.flows.exists() or obj.recipients.exists():
            return f"{obj} is used by flows or recipients; take it out there first."
        return ""
