"""Below the record's settings: what they would take today, and a button that takes it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path

from events.models import RecordSettings, TrimRun
from events.retention import running
from events.retention.preview import preview
from leadops.lib import queue
from leadops.lib.admin import ConsoleAdmin, change_url


class TrimMixin(ConsoleAdmin):
    """Adds the preview. Whoever may change the settings may have the record trimmed at once."""

    change_form_after_template = "admin/events/record_months.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.trim_view)
        return [path("1/trim/", view, name="events_recordsettings_trim"), *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        extra = {**(extra_context or {}), "months": preview()}
        extra["may_trim"] = self.has_change_permission(request)
        return super().changeform_view(request, object_id, form_url, extra)

    def trim_view(self, request: HttpRequest) -> HttpResponse:
        """Start a run, or cancel the one under way."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if "cancel" in request.POST:
            _cancel(request)
        else:
            _start(request)
        return HttpResponseRedirect(change_url(RecordSettings, 1))


def _start(request: HttpRequest) -> None:
    run = running.start(by=request.user.get_username())
    if run is None:
        messages.warning(request, "The record is being trimmed already.")
        return
    transaction.on_commit(lambda: queue.enqueue(running.TASK, run.id))
    messages.success(request, "Trimming the record has begun.")


def _cancel(request: HttpRequest) -> None:
    run = TrimRun.objects.filter(state=TrimRun.State.RUNNING).first()
    if run is not None and running.cancel(run.id):
        messages.success(request, "Stopped. What went stays gone.")
    else:
        messages.warning(request, "Nothing was under way.")
