"""The seals of the record, to look at: made by workers, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from events.models import Seal
from events.sealing.state import state
from leadops.lib.admin import ConsoleAdmin, column, mono


@admin.register(Seal)
class SealAdmin(ConsoleAdmin):
    """One a minute and month at most; the newest first, by the primary key."""

    list_display = ("number", "of_month", "events", "first", "last", "sealed", "short_hash")
    list_before_template = "admin/seal_state.html"
    ordering = ("-n",)
    sortable_by = ()
    search_fields = ("=n",)
    search_help_text = "A seal's number"
    fieldsets = (
        (None, {"fields": (("number", "of_month", "events"), ("first", "last", "sealed"))}),
        ("Transactions", {"fields": (("from_tx", "to_tx"),)}),
        ("Hashes", {"fields": ("whole_root", "whole_previous", "whole_hash")}),
    )
    readonly_fields = (
        "number",
        "of_month",
        "first",
        "last",
        "sealed",
        "whole_root",
        "whole_previous",
        "whole_hash",
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        page: HttpResponse = super().changelist_view(
            request, {**(extra_context or {}), "sealing": state()}
        )
        return page

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets

    @column(description="Seal")
    def number(self, seal: Seal) -> str:
        return str(seal.n)

    @column(description="Month")
    def of_month(self, seal: Seal) -> str:
        return f"{seal.month:%Y-%m}"

    @column(description="First event")
    def first(self, seal: Seal) -> str:
        return f"{seal.first_at:%Y-%m-%d %H:%M:%S}"

    @column(description="Last event")
    def last(self, seal: Seal) -> str:
        return f"{seal.last_at:%Y-%m-%d %H:%M:%S}"

    @column(description="Sealed")
    def sealed(self, seal: Seal) -> str:
        return f"{seal.sealed_at:%Y-%m-%d %H:%M:%S}"

    @column(description="Hash")
    def short_hash(self, seal: Seal) -> SafeString | str:
        return mono(f"{bytes(seal.hash).hex()[:16]}…")

    @column(description="Root over its events")
    def whole_root(self, seal: Seal) -> SafeString | str:
        return mono(bytes(seal.root).hex())

    @column(description="Hash of the seal before")
    def whole_previous(self, seal: Seal) -> SafeString | str:
        return mono(bytes(seal.previous).hex())

    @column(description="Hash")
    def whole_hash(self, seal: Seal) -> SafeString | str:
        return mono(bytes(seal.hash).hex())
