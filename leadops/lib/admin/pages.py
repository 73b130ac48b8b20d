"""A page of the console: permissions come from roles, changes are recorded."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from leadops.lib import history
from leadops.lib.admin.fields import FieldsMixin
from leadops.lib.admin.lists import BoundedPaginator, ConsoleList
from leadops.lib.history import Snapshot

HISTORY = 100  # changes that a history shows
# The theme's drop-downs are links without an address, which only a mouse would open.
OPENS_BY_KEY = {
    "role": "button",
    "tabindex": "0",
    "aria-haspopup": "menu",
    "x-bind:aria-expanded": "actionDropdownOpen",
    "x-on:keydown.enter.prevent": "actionDropdownOpen = true; $nextTick(() => "
    "$el.nextElementSibling._x_teleport.querySelector('a').focus())",
    "x-on:keydown.escape.window": "actionDropdownOpen = false",
}


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

    def _get_actions_navigation(
        self, provided_actions: Any, allowed_actions: Any, object_id: str | None = None
    ) -> list[Any]:
        """What stands in a page's top bar; a group's parts in a drop-down."""
        found: list[Any] = super()._get_actions_navigation(
            provided_actions, allowed_actions, object_id
        )
        for each in found:
            if "items" in each:
                each["attrs"] = {**OPENS_BY_KEY, "aria-label": each["title"]}
        return found

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
