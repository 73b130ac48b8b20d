"""Staff who are signed in to the console may read the API in the browser."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from leadops.lib.access import Caller, Principal


class SessionReading(BaseAuthentication):
    """Reading only: what changes something needs a key, so no form of another site can do it."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        user = getattr(request._request, "user", None)
        if request.method not in ("GET", "HEAD", "OPTIONS") or user is None or not user.is_active:
            return None
        return Principal(Caller.STAFF, str(user.pk), timezone.now(), 0, user), None


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionReading
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
