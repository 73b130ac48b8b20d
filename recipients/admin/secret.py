"""Named secrets: written, never read."""

from __future__ import annotations

from datetime import date, timedelta

from django.contrib import admin
from django.utils import timezone

from leadops.lib.admin import ConsoleAdmin, column, mono
from recipients.models import Secret

SOON = timedelta(days=14)


@admin.register(Secret)
class SecretAdmin(ConsoleAdmin):
    list_display = ("name", "reference", "updated_at", "expires_at", "state")
    search_fields = ("name",)
    search_help_text = "Name"
    fields = ("name", "value", "expires_at")

    @column(description="Written as")
    def reference(self, secret: Secret) -> str:
        return mono(f"${{{secret.name}}}")

    @column(description="State", label={"Good": "success", "Soon": "warning", "Expired": "danger"})
    def state(self, secret: Secret) -> str:
        today: date = timezone.now().date()
        if secret.expires_at is None or secret.expires_at > today + SOON:
            return "Good"
        return "Soon" if secret.expires_at >= today else "Expired"
