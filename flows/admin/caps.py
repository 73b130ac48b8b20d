"""How the caps of flows and steps stand, on their pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from flows.delivery import standings
from flows.delivery.standings import CapStanding
from flows.models import Flow, Step
from leadops.lib.admin import ConsoleAdmin, column


class CapsMixin(ConsoleAdmin):
    """What is used stands above what is allowed, once there is something to use."""

    class Media:
        css: ClassVar = {"all": ["leadops/failing.css"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "used")

    @column(description="Caps now")
    def used(self, obj: Flow | Step) -> SafeString | str:
        # The theme asks for a field several times.
        shown: SafeString | str | None = getattr(obj, "shown_caps", None)
        if shown is None:
            of = standings.of_flow if isinstance(obj, Flow) else standings.of_step
            shown = obj.shown_caps = _shown(of, obj)  # type: ignore[union-attr]
        return shown


def _shown(of: Callable[[Any], Sequence[CapStanding]], obj: Any) -> SafeString | str:
    if obj._state.adding:
        return "Nothing yet"
    try:
        found = of(obj)
    except ValueError as error:  # as it stands in a form that was refused
        return f"Configuration error: {error}"
    # Rendered by a template, which escapes.
    return mark_safe(render_to_string("admin/flows/caps.html", {"caps": found}))  # noqa: S308
