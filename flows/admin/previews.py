"""On a source's page: what goes out to it, as its settings stand there, saved or not."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from events.passing import previewing
from flows.models import Source
from leadops.lib.admin import ConsoleAdmin, column

PREVIEW = "admin/flows/feedback_preview.html"
PREFIX = "feedback_"
TRIED = ("name", "slug", "fields")  # beside the settings of feedback


class PreviewMixin(ConsoleAdmin):
    """Adds the preview, which follows what is typed."""

    class Media:
        js: ClassVar = ["leadops/feedback.js"]
        css: ClassVar = {"all": ["leadops/feedback.css"]}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.feedback_preview_view)
        ours = path("feedback-preview/", view, name="flows_source_feedback_preview")
        return [ours, *super().get_urls()]

    @column(description="What goes out")
    def passing_preview(self, source: Source) -> SafeString:
        """As it is saved; the page's script makes it anew."""
        shown = render_to_string(PREVIEW, {"preview": previewing.preview(source)})
        url = reverse("admin:flows_source_feedback_preview")
        if source.pk and not source._state.adding:
            url = f"{url}?{urlencode({'source': source.pk})}"
        return format_html(
            '<div id="feedback-preview" data-url="{}" aria-live="polite">{}</div>',
            url,
            SafeString(shown),
        )

    def feedback_preview_view(self, request: HttpRequest) -> HttpResponse:
        """Of what the page's form holds. Nothing is sent or saved."""
        source = self._asked(request)
        if request.method != "POST":
            raise Http404
        names = [field.name for field in Source._meta.concrete_fields if _is_tried(field.name)]
        form = self.get_form(request, source, fields=names)(request.POST, instance=source)
        wrong = form.errors.as_data() if not form.is_valid() else {}
        shown = previewing.preview(form.instance)
        problems = [
            f"{form.fields[name].label}: {' '.join(error.messages)}"
            for name, errors in wrong.items()
            if name.startswith(PREFIX) and not (shown.problem and name == "feedback_template")
            for error in errors
        ]
        return TemplateResponse(request, PREVIEW, {"preview": shown, "problems": problems})

    def _asked(self, request: HttpRequest) -> Any:
        """The source of the page; None where it is a new one."""
        id = request.GET.get("source")
        source = self.get_object(request, id) if id else None
        if id and source is None:
            raise Http404
        if source is None and not self.has_add_permission(request):
            raise PermissionDenied
        if source is not None and not self.has_change_permission(request, source):
            raise PermissionDenied
        return source


def _is_tried(name: str) -> bool:
    return name.startswith(PREFIX) or name in TRIED
