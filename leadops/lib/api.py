"""The API's frame, the same for every app: body limits, parsers, the one shape of errors."""

from __future__ import annotations

import json
import logging
import math
import re
import traceback
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import orjson
import psycopg
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import DatabaseError, DataError, InterfaceError, OperationalError, connection
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024  # bytes; a lead is larger only by mistake
UNAVAILABLE_RETRY = 2  # seconds after which a source may try again
MAX_FIELDS = 500

# psycopg's own come out of its pipelines, which Django does not wrap.
AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
BROKEN_DATA = (DataError, psycopg.DataError)
BROKEN_STORE = (DatabaseError, InterfaceError, psycopg.Error)


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"

    def __init__(self, limit: int = MAX_BODY) -> None:
        super().__init__(f"The body is larger than {limit // 1024} KiB.")


class WrongShape(exceptions.APIException):
    """Parsable, but not what is asked for; `fields` says what is wrong where."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "wrong_shape"

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


def read_body(stream: Any, limit: int = MAX_BODY) -> bytes:
    """The body, at most `limit` bytes; raises TooLarge, and ParseError for one that was cut off:
    half a form would pass for a whole one."""
    meta = getattr(stream, "META", {})
    encoding = str(meta.get("HTTP_CONTENT_ENCODING", "")).strip().lower()
    if encoding not in ("", "identity"):
        raise exceptions.UnsupportedMediaType("", f"Content-Encoding {encoding[:40]} is not read.")
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(limit)
    declared = meta.get("CONTENT_LENGTH") or "0"
    if declared.isdecimal() and len(body) < int(declared):
        raise exceptions.ParseError("The body is shorter than its Content-Length.")
    return body


class JsonAlways(DefaultContentNegotiation):
    """JSON whatever a caller would rather have: a lead is not lost over an Accept header."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        try:
            renderer, media_type = super().select_renderer(request, renderers, format_suffix)
        except exceptions.NotAcceptable:
            renderer = next(iter(renderers))
            media_type = renderer.media_type
        return renderer, media_type


class JsonParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = read_body(stream).removeprefix(BOM)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            if HALF_A_PAIR.search(body):
                return _lenient(body)
            raise exceptions.ParseError(f"Not JSON: {error}") from error


BOM = b"\xef\xbb\xbf"  # some senders begin with it, although JSON has none (RFC 8259, 8.1)
HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")


def _lenient(body: bytes) -> Any:
    """JSON with half of a surrogate pair, as programs write that cut text within a character; the
    half, which is no character, is taken away."""
    try:
        whole = json.dumps(json.loads(body, parse_constant=_no_number), ensure_ascii=False)
        return orjson.loads(whole.encode(errors="ignore"))
    except (ValueError, RecursionError) as error:
        raise exceptions.ParseError(f"Not JSON: {str(error)[:200]}") from error


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


CODES = {
    status.HTTP_400_BAD_REQUEST: "unparsable",
    status.HTTP_401_UNAUTHORIZED: "unauthorized",
    status.HTTP_403_FORBIDDEN: "forbidden",
    status.HTTP_404_NOT_FOUND: "not_found",
    status.HTTP_405_METHOD_NOT_ALLOWED: "method_not_allowed",
    status.HTTP_406_NOT_ACCEPTABLE: "not_acceptable",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "unsupported_type",
    status.HTTP_429_TOO_MANY_REQUESTS: "too_many_requests",
}


def on_error(error: Exception, context: dict[str, Any]) -> Response:
    """Every error of the API in one shape, never a traceback."""
    # The views' settings name parsers of this module: they are loaded after it.
    from rest_framework.views import set_rollback

    set_rollback()
    if isinstance(error, Http404):
        error = exceptions.NotFound(*error.args)
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(*error.args)
    if isinstance(error, exceptions.ValidationError):
        error = WrongShape("Some values are not what they should be.", _flat(error.detail))
    elif isinstance(error, SuspiciousOperation):  # too many parameters, a host that is not ours
        error = exceptions.ParseError("This request cannot be read.")
    elif isinstance(error, BROKEN_DATA):  # sending it again would not help
        log.error("Not stored: %s", _named(error))
        error = WrongShape("It holds something that cannot be stored.")
    if isinstance(error, exceptions.APIException):
        return _known(error)
    if isinstance(error, BROKEN_STORE):
        log.error("Not stored: %s", _named(error))
        connection.close()  # a broken connection must not meet the next request
        return _error(
            status.HTTP_503_SERVICE_UNAVAILABLE,
            "unavailable",
            "Not stored. Send it again, with the same Idempotency-Key.",
            headers={"Retry-After": str(UNAVAILABLE_RETRY)},
        )
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("Unexpected error in %s: %s\n%s", context.get("view"), type(error).__name__, where)
    return _error(status.HTTP_500_INTERNAL_SERVER_ERROR, "internal", "Something broke here.")


def _named(error: Exception) -> str:
    """What went wrong, for the log. PostgreSQL's messages about data quote the data."""
    if isinstance(error, AWAY):
        return " ".join(str(error).split())
    state = getattr(error.__cause__ or error, "sqlstate", None)
    return f"{type(error).__name__} {state or ''}".strip()


def _known(error: exceptions.APIException) -> Response:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    code = CODES.get(error.status_code, error.default_code)
    return _error(
        error.status_code,
        code,
        str(error.detail),
        fields=getattr(error, "fields", None),
        headers=headers,
    )


def _error(
    status_code: int,
    code: str,
    message: str,
    *,
    fields: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    error: dict[str, Any] = {"code": code, "message": message}
    if fields:
        error["fields"] = fields
    return Response({"error": error}, status=status_code, headers=headers)


def _flat(detail: Any, path: str = "") -> dict[str, str]:
    """DRF's nested details as path → message."""
    if isinstance(detail, dict):
        found = {}
        for key, value in detail.items():
            found.update(_flat(value, f"{path}.{key}" if path else str(key)))
        return found
    if isinstance(detail, list):
        if all(isinstance(item, str) for item in detail):
            return {path: " ".join(str(item) for item in detail)}
        found = {}
        for index, item in enumerate(detail):
            found.update(_flat(item, f"{path}.{index}" if path else str(index)))
        return found
    return {path: str(detail)}


class FormParser(BaseParser):
    """A form's fields; of one given several times the last counts, as in Django."""

    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            text = read_body(stream).decode()
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise exceptions.ParseError(f"Not a form: {error}") from error
        return dict(pairs)
