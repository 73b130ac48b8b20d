"""Who may do what on these pages: all staff look, those who operate act."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def acting(request: HttpRequest) -> str:
    """The name under which the request acts; raises PermissionDenied for those who only look."""
    user: Any = request.user
    if not user.operates:
        raise PermissionDenied("Your role looks on; ops and administrators act.")
    return str(user.get_username())


def operates(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.operates)
