"""How a recipient's hours, caps and limits stand, on its page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from flows.delivery.standings import standing_of
from leadops.lib.admin import column
from recipients.admin.recipient import RecipientPage
from recipients.models import Recipient

TAB = "Hours, caps and limits"


class CapacityMixin(RecipientPage):
    """What is used stands above what is allowed."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "standing")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (title, {**layout, "fields": ("standing", *layout["fields"])})
            if title == TAB
            else (title, layout)
            for title, layout in super().get_fieldsets(request, obj)
        ]

    @column(description="Now")
    def standing(self, recipient: Recipient) -> SafeString | str:
        # The theme asks for a field several times.
        shown: SafeString | str | None = getattr(recipient, "shown_standing", None)
        if shown is None:
            shown = recipient.shown_standing = _shown(recipient)  # type: ignore[attr-defined]
        return shown


def _shown(recipient: Recipient) -> SafeString | str:
    if recipient._state.adding:
        return "Nothing yet"
    try:
        found = standing_of(recipient)
    except (ValueError, KeyError) as error:  # as it stands in a form that was refused
        return f"Configuration error: {error}"
    # Rendered by a template, which escapes.
    return mark_safe(render_to_string("admin/recipients/capacity.html", {"found": found}))  # noqa: S308
