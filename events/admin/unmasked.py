"""Configuration that sends people's values somewhere: unmasked by those alone who see them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from events import visibility
from leadops.lib.admin import ConsoleAdmin


class MaskedUnlessSeen(ConsoleAdmin):
    """For a model with `masked`. Who is shown no personal values makes masked ones, and changes no
    others."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or obj.masked or visibility.sees_personal(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or obj.masked or visibility.sees_personal(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_readonly_fields(request, obj)
        return names if visibility.sees_personal(request.user) else (*names, "masked")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not visibility.sees_personal(request.user):
            obj.masked = True
        super().save_model(request, obj, form, change)
