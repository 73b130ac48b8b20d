"""The way from a flow to the imports of its leads."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from flows.models import Flow
from leadops.lib.admin import ConsoleAdmin, button


def imports_url(**query: str) -> str:
    """The page of imports with a flow, and perhaps a source, chosen."""
    return f"{reverse('imports:list')}?{urlencode(query)}"


class ImportMixin(ConsoleAdmin):
    """Adds a button to a flow's top bar, for those who may import."""

    def has_import_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        user: Any = request.user
        return bool(user.operates)

    @button(
        description="Import leads",
        icon="upload_file",
        permissions=["import"],
        variant=ActionVariant.DEFAULT,
    )
    def import_leads(self, request: HttpRequest, object_id: str) -> HttpResponse:
        flow = Flow.objects.filter(pk=unquote(object_id)).first()
        if flow is None:
            raise Http404
        return HttpResponseRedirect(imports_url(flow=flow.slug))
