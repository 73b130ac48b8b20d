"""Who may do what on these pages: ops and administrators import, auditors see how it went."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from flows.models import LeadImport


def operates(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.operates)


def acting(request: HttpRequest) -> str:
    """The name under which the request acts; raises PermissionDenied."""
    if not operates(request):
        raise PermissionDenied("Your role looks on; ops and administrators import leads.")
    return str(request.user.get_username())


def permit(request: HttpRequest) -> None:
    if not request.user.has_perm("flows.view_leadimport"):
        raise PermissionDenied("Your role sees no imports.")


def import_of(request: HttpRequest, id: str) -> LeadImport:
    permit(request)
    found = LeadImport.objects.select_related("flow", "source").filter(pk=id).first()
    if found is None:
        raise Http404("There is no such import.")
    return found
