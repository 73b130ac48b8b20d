"""Lists: columns, buttons, filters; none counts a big table."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.views import ChangeList

from leadops.lib.forms import amount

COUNTED = 10_000  # rows that a list counts at most


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than it must: `count(*)` of a big table takes seconds."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


Method = TypeVar("Method", bound=Callable[..., Any])


def column(**options: Any) -> Callable[[Method], Method]:
    """The theme's `display`, with the method's type kept."""

    def decorate(method: Method) -> Method:
        display(**options)(method)
        return method

    return decorate


def button(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The theme's `action`: a button on a page, asked about by its dialog."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        decorated: Callable[..., Any] = action(**options)(method)
        return decorated

    return decorate


def done() -> HttpResponse:
    """Ends a dialog: the page behind it loads anew, on the tab that it stands on."""
    return HttpResponse(headers={"HX-Refresh": "true"})


class ConsoleList(ChangeList):  # type: ignore[misc]
    """A list that knows its full number only where nothing narrows it down."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


def choices(field: str) -> tuple[str, type[ChoicesDropdownFilter]]:
    """A filter of a list by a field with choices, as a drop-down."""
    return (field, ChoicesDropdownFilter)


def mono(value: Any) -> SafeString | str:
    """A value in monospace, a dash when there is none."""
    return format_html('<span class="leadops-mono">{}</span>', value) if value else "–"


def money(value: Decimal | None) -> str:
    return "–" if value is None else amount(value)
