"""What a submit address is sent: a form, JSON, XML, or parameters of the address."""

from __future__ import annotations

import io
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework import exceptions

from flows.submitting import documents
from flows.submitting.replies import media_type
from leadops.lib.api import MAX_FIELDS, TooLarge, WrongShape, read_body
from recipients.responses import DocumentError

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
JSON: Final = "application/json"
XML: Final = frozenset({"application/xml", "text/xml"})


def values_of(request: HttpRequest) -> dict[str, Any]:
    """The fields of body and address; of one in both that of the address counts.

    Raises APIException.
    """
    body = read_body(request)
    declared = request.META.get("CONTENT_TYPE", "")
    found = _body(body, declared) if body.strip() else {}
    # WSGI gives bytes as Latin-1; what is not encoded is UTF-8 all the same.
    query = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
    found.update(_pairs(query.decode("utf-8", "replace"), "address"))
    if not found:
        raise exceptions.ParseError("There are no fields: neither a body nor parameters.")
    return found


def _body(body: bytes, declared: str) -> dict[str, Any]:
    kind = media_type(declared)
    if kind == FORM:
        return _pairs(_text(body), "form")
    if kind == JSON:
        return _json(body)
    if kind in XML:
        return _xml(body, declared)
    if kind == MULTIPART:
        return _multipart(body, declared)
    raise exceptions.UnsupportedMediaType(
        kind or "(none)",
        f"Content-Type is {kind or 'missing'}; send {FORM}, {JSON}, application/xml or text/xml.",
    )


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise exceptions.ParseError(f"Not UTF-8: {error.reason}") from error


def _pairs(text: str, what: str) -> dict[str, Any]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise exceptions.ParseError(f"The {what} cannot be read: {error}") from error


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise exceptions.ParseError(f"Not JSON: {error}") from error
    if not isinstance(found, dict):
        raise WrongShape("A lead is an object of fields.")
    return found


def _xml(body: bytes, declared: str) -> dict[str, Any]:
    if len(body) > documents.MAX_XML:
        raise TooLarge(documents.MAX_XML)
    try:
        return documents.of_xml(body, declared)
    except DocumentError as error:
        raise exceptions.ParseError(str(error)) from error


def _multipart(body: bytes, declared: str) -> dict[str, Any]:
    """The fields; files are read by nobody."""
    meta = {"CONTENT_TYPE": declared, "CONTENT_LENGTH": len(body)}
    try:
        fields, _ = MultiPartParser(meta, io.BytesIO(body), []).parse()
    except (MultiPartParserError, SuspiciousOperation, ValueError) as error:
        raise exceptions.ParseError("The form cannot be read.") from error
    return {name: fields[name] for name in fields}
