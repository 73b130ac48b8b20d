"""Named secrets: written, never read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from unfold.forms import BaseDialogForm

from leadops.lib.admin import ConsoleAdmin, asked, button, column, done, mono
from recipients import expiry
from recipients.models import Secret


@admin.register(Secret)
class SecretAdmin(ConsoleAdmin):
    list_display = ("name", "reference", "state", "expires_at", "last_used", "values")
    search_fields = ("name",)
    search_help_text = "Name"
    fields = ("name", "value", "second_value", "expires_at", "last_used", "values")
    readonly_fields = ("last_used", "values")
    actions_detail = ("settle",)

    @column(description="Written as")
    def reference(self, secret: Secret) -> str:
        return mono(f"${{{secret.name}}}")

    @column(description="State", label={"Good": "success", "Soon": "warning", "Expired": "danger"})
    def state(self, secret: Secret) -> str:
        return expiry.freshness(secret).value

    @column(description="Last used")
    def last_used(self, secret: Secret) -> str:
        return _moment(secret.used_at) if secret.used_at else "Never"

    @column(description="Values")
    def values(self, secret: Secret) -> str:
        if not secret.second_value:
            return "One"
        if secret.serves_second and secret.second_used_at:
            return f"Two; the second one was taken last on {_moment(secret.second_used_at)}"
        return "Two; the first one serves"

    def has_settle_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.has_change_permission(request):
            return False
        found = Secret.objects.filter(pk=unquote(object_id)).first() if object_id else None
        return object_id is None or (found is not None and bool(found.second_value))

    @button(
        description="End the rotation",
        icon="published_with_changes",
        permissions=["settle"],
        dialog=asked(
            "Make the second value the only one",
            "The first one is forgotten. Do this when every recipient takes the second.",
            submit="Use the second value alone",
            form=BaseDialogForm,
        ),
    )
    def settle(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        secret = self.get_object(request, unquote(object_id))
        if secret is None or not secret.second_value:
            return done()
        secret.value, secret.second_value = secret.second_value, ""
        secret.second_used_at = None
        self.save_model(request, secret, None, change=True)
        self.log_change(request, secret, "")
        messages.success(request, f"{secret} has one value again: the one that was its second.")
        return done()


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
