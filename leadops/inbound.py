"""What holds for every request and answer, whoever is asked."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

API, ADMIN = "/api/", "/admin/"
MAX_PARAMETERS = 1_000  # of a call; the console's longest forms have more
# The theme's scripts are written into its pages and evaluate expressions. What can be shut: other
# sites' scripts and frames, and sending anything to another site.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class Inbound:
    """Refuses addresses that name nothing; says what browsers may do with answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = _unreadable(request) or self.get_response(request)
        if request.path.startswith(API):
            answer.headers.setdefault("Cache-Control", "no-store")  # people's data
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            answer.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return answer


def _unreadable(request: HttpRequest) -> HttpResponse | None:
    """NUL is in nothing that PostgreSQL holds, and makes its driver fail. In parameters the API
    and our own pages look for it themselves; the admin's filters do not."""
    api = request.path.startswith(API)
    if api and request.META.get("QUERY_STRING", "").count("&") >= MAX_PARAMETERS:
        return _error(400, "unparsable", f"More than {MAX_PARAMETERS} parameters.")
    in_query = request.path.startswith(ADMIN) and "%00" in request.META.get("QUERY_STRING", "")
    if "\0" not in request.path and not in_query:
        return None
    message = "The address holds a NUL character."
    if api:
        return _error(400, "unparsable", message)
    return HttpResponse(f"{message}\n", status=400, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What is refused before any view, such as a host that is not ours."""
    if request.path.startswith(API):
        return _error(400, "unparsable", "This request cannot be read.")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """What breaks outside of the API's own views."""
    if request.path.startswith(API):
        return _error(500, "internal", "Something broke here.")
    return defaults.server_error(request)


def _error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
