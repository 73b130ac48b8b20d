"""Staff who are signed in to the console may read the API in the browser."""

from __future__ import annotations

from django.utils import timezone
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
