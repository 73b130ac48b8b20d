"""What all pages of the console have in common.

Permissions come from roles, changes are recorded with before and after, secrets and documents have
fields of their own, lists never count a big table.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.forms import PaginationInlineFormSet
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextInputWidget

from leadops.lib import documents, durations, history
from leadops.lib.conditions import OPERATORS
from leadops.lib.fields import DurationField, SecretField
from leadops.lib.forms import (
    AmountField,
    CodeInput,
    CodeLine,
    SecretFormField,
    StructuredField,
    amount,
)
from leadops.lib.history import Snapshot

COUNTED = 10_000  # rows that a list counts at most
HISTORY = 100
RULE_EXAMPLE = "\n".join(
    ["all:", "  - {field: state, op: in, value: [TX, CA]}", "  - {field: score, op: gt, value: 80}"]
)
RULE_HELP = f"YAML or JSON; all, any and not nest. Operators: {', '.join(OPERATORS)}."


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


def shown(field: models.Field[Any, Any], value: Any) -> Any:
    """A value as those read it who may not change it; secrets only as kept or not."""
    if isinstance(field, SecretField):
        return "Kept, not shown" if value else "–"
    if value in (None, "", {}, []):
        return "–"
    if isinstance(field, DurationField):
        return durations.text(value)
    if isinstance(value, Decimal):
        return amount(value, cents=False)
    text = documents.write(value) if isinstance(field, models.JSONField) else str(value)
    return format_html('<pre class="leadops-read">{}</pre>', text)


class ConsoleList(ChangeList):  # type: ignore[misc]
    """A list that knows its full number only where nothing narrows it down."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class FieldsMixin:
    """Form fields by the kind of column, for pages and the rows on them.

    `code_lines` and `code_boxes` name columns that are written in monospace, with their rows.
    """

    model: type[Model]
    code_lines: ClassVar[Sequence[str]] = ()
    code_boxes: ClassVar[dict[str, int]] = {}
    money: ClassVar[Sequence[str]] = ("price",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.model._meta.concrete_fields:
            if self._reads_differently(field) and not hasattr(self, f"read_{field.name}"):
                setattr(self, f"read_{field.name}", _reader(field))

    def _reads_differently(self, field: models.Field[Any, Any]) -> bool:
        kinds = (SecretField, DurationField, models.JSONField, models.DecimalField)
        return isinstance(field, kinds) or field.name in self.code_boxes

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if isinstance(db_field, SecretField):
            return SecretFormField(
                required=not db_field.blank, label=_label(db_field), help_text=db_field.help_text
            )
        if isinstance(db_field, models.JSONField):
            return self._structured(db_field)
        if isinstance(db_field, models.DecimalField):
            kwargs["form_class"] = AmountField
            kwargs["cents"] = db_field.name in self.money
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget  # its menu leads away from what is not saved
        if isinstance(db_field, DurationField) and field:
            field.widget = UnfoldAdminTextInputWidget({"placeholder": "10s, 5m, 24h, 30d"})
            field.label = _label(db_field)
        elif db_field.name in self.code_boxes and field:
            field.widget = CodeInput(self.code_boxes[db_field.name])
        elif db_field.name in self.code_lines and field:
            field.widget = CodeLine()
        return field

    def _structured(self, db_field: Any) -> StructuredField:
        field = StructuredField(
            empty=db_field.get_default(),
            checks=db_field.validators,
            rows=self.code_boxes.get(db_field.name, 3),
            required=not db_field.blank,
            label=_label(db_field),
            help_text=db_field.help_text,
        )
        if any(getattr(check, "__name__", "") == "rules" for check in db_field.validators):
            field.widget.attrs["placeholder"] = RULE_EXAMPLE
            field.help_text = f"{field.help_text or ''} {RULE_HELP}".strip()
        return field

    def readable(self, names: Any) -> Any:
        """A layout of fields with the readers of those that read differently."""
        if isinstance(names, str):
            reader = f"read_{names}"
            return reader if hasattr(self, reader) else names
        if isinstance(names, list | tuple):
            return type(names)(self.readable(name) for name in names if name != "position")
        return names

    def only_reads(self, request: HttpRequest, obj: Any) -> bool:
        """Is the page shown to somebody who may not change it?"""
        return not self.has_change_permission(request, obj)  # type: ignore[attr-defined]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = tuple(super().get_readonly_fields(request, obj))  # type: ignore[misc]
        if not self.only_reads(request, obj):
            return names
        columns = (f"read_{field.name}" for field in self.model._meta.concrete_fields)
        return (*names, *(reader for reader in columns if hasattr(self, reader)))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)  # type: ignore[misc]
        if not self.only_reads(request, obj):
            return fieldsets
        return [
            (title, {**options, "fields": self.readable(options["fields"])})
            for title, options in copy.deepcopy(list(fieldsets))
        ]


def _label(field: models.Field[Any, Any]) -> str:
    name = str(field.verbose_name)
    return name[:1].upper() + name[1:]


def _reader(field: models.Field[Any, Any]) -> Callable[[Model], Any]:
    def read(obj: Model) -> Any:
        return shown(field, getattr(obj, field.attname))

    read.short_description = _label(field)  # type: ignore[attr-defined]
    return read


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


class ConsoleAdmin(FieldsMixin, ModelAdmin):  # type: ignore[misc]
    """A page of the console."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    warn_unsaved_form = True
    list_filter_submit = False
    object_history_template = "admin/changes.html"
    request: HttpRequest

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ConsoleList

    def top_of(self, obj: Any) -> Model:
        """The object whose history a change belongs to."""
        top: Model = obj
        return top

    # --- what is recorded

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        top = self.top_of(obj)
        request.before = _snapshot(type(top), top.pk)  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        self._record(request, obj)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        self._record(request, obj)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Recorded where it happens, by delete_model and delete_queryset."""

    def _record(self, request: HttpRequest, obj: Any) -> None:
        top = self.top_of(obj)
        before = getattr(request, "before", None)
        after = _snapshot(type(top), top.pk)
        history.keeper().record_change(before, after, top, request.user.get_username())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        top = copy.copy(self.top_of(obj))
        before = _snapshot(type(top), top.pk)
        super().delete_model(request, obj)
        after = _snapshot(type(top), top.pk)
        history.keeper().record_change(before, after, top, request.user.get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """What changed, when, by whom; instead of Django's own log."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return gone
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj}",
            "changes": history.keeper().changes_of(self.top_of(obj), HISTORY),
            "object": obj,
            "opts": self.opts,
            "module_name": str(self.opts.verbose_name_plural).capitalize(),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.object_history_template, context)

    # --- deleting

    def in_use(self, obj: Any) -> str:
        """Why it cannot be deleted; blank when it can. Must be cheap."""
        return ""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django would load every lead of a flow to say that it is in use."""
        if reasons := [reason for obj in objs if (reason := self.in_use(obj))]:
            return [], {}, set(), reasons
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected  # who may delete it may delete its parts

    def get_actions(self, request: HttpRequest) -> Any:
        return super().get_actions(request) if self.has_change_permission(request) else {}


def change_url(model: type[Model], pk: Any) -> str:
    """The address of an object's page. The admin spells ids in a way of its own."""
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(pk)])


def _snapshot(kind: type[Model], pk: Any) -> Snapshot | None:
    found = kind._default_manager.filter(pk=pk).first()
    return history.keeper().snapshot_of(found) if found else None


def choices(field: str) -> tuple[str, type[ChoicesDropdownFilter]]:
    """A filter of a list by a field with choices, as a drop-down."""
    return (field, ChoicesDropdownFilter)


def mono(value: Any) -> SafeString | str:
    """A value in monospace, a dash when there is none."""
    return format_html('<span class="leadops-mono">{}</span>', value) if value else "–"


def money(value: Decimal | None) -> str:
    return "–" if value is None else amount(value)
