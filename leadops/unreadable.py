"""Requests that gunicorn itself cannot read, refused in the one shape of errors of the API.

gunicorn would answer with a page of HTML, which no program that reads our errors understands.
"""

from __future__ import annotations

import contextlib
import json
import socket
from http import HTTPStatus

from gunicorn.http import errors

LONGEST_LINE = 8190  # bytes of method, address and version: the most that gunicorn takes
OURS = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
)
# The first that fits. What is not among them is a mistake of ours, or of the machine.
REFUSALS: tuple[tuple[type[Exception], HTTPStatus, str, str], ...] = (
    (
        errors.LimitRequestLine,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "too_long",
        f"The address is over {LONGEST_LINE:,} bytes.",
    ),
    (
        errors.LimitRequestHeaders,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "too_large",
        "The headers are too many, or too long.",
    ),
    (
        errors.ExpectationFailed,
        HTTPStatus.EXPECTATION_FAILED,
        "expectation_failed",
        "Only 100-continue may be expected.",
    ),
    (
        errors.UnsupportedTransferCoding,
        HTTPStatus.NOT_IMPLEMENTED,
        "unsupported_type",
        "Bodies come whole or in chunks, and in no other coding.",
    ),
    (errors.ParseException, HTTPStatus.BAD_REQUEST, "unparsable", "This is no HTTP request."),
)


def refusal(error: BaseException) -> bytes | None:
    """The whole answer to a request that could not be read; None where it could."""
    for kind, status, code, message in REFUSALS:
        if isinstance(error, kind) and not isinstance(error, OURS):
            return _answer(status, code, message)
    return None


def _answer(status: HTTPStatus, code: str, message: str) -> bytes:
    body = json.dumps({"error": {"code": code, "message": message}})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode("ascii")


def refuse(client: socket.socket, answer: bytes) -> None:
    """Send it, to whoever is still there and takes it."""
    with contextlib.suppress(OSError):
        client.setblocking(False)
        client.sendall(answer)
