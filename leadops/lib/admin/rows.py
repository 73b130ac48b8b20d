"""Parts of a page: rows and cards, on tabs of their own, dragged into order."""

from __future__ import annotations

from typing import Any

from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from unfold.admin import StackedInline, TabularInline
from unfold.forms import PaginationInlineFormSet

from leadops.lib.admin.fields import FieldsMixin


class OrderedFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    """Rows in order; those that are added stand last."""

    def save_new(self, form: Any, commit: bool = True) -> Any:
        last = max((other.instance.position for other in self.initial_forms), default=-1)
        before = [other for other in self.extra_forms if other.has_changed()]
        form.instance.position = last + 1 + before.index(form)
        return super().save_new(form, commit=commit)


class Rows(FieldsMixin, TabularInline):  # type: ignore[misc]
    """A part of a page in rows, on a tab of its own."""

    tab = True
    extra = 0
    show_count = True
    hide_title = True


class Cards(FieldsMixin, StackedInline):  # type: ignore[misc]
    """A part of a page in forms one below the other, on a tab of its own."""

    tab = True
    extra = 0
    show_count = True


class Ordered:
    """Rows or cards that are dragged into order."""

    ordering_field: str | None = "position"
    hide_ordering_field = True
    formset: type[BaseInlineFormSet[Any, Any, Any]] = OrderedFormSet

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        if self.only_reads(request, obj):  # type: ignore[attr-defined]
            self.ordering_field = None  # nothing to drag
        return super().get_formset(request, obj, **kwargs)  # type: ignore[misc]
