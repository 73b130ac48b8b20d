"""A recorded request as a curl command, for a shell. Pure.

What was kept out of the record stands as `${TOKEN}`: whoever runs the command sets it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leadops.lib.redact import MASK

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
TOKEN: Final = "${TOKEN}"  # noqa: S105  the name of one
# Curl works these out for itself; as they were they would not fit what it sends.
LEFT_OUT: Final = frozenset(
    {"host", "content-length", "connection", "transfer-encoding", "accept-encoding"}
)


def command(method: str, url: str, headers: Mapping[str, str], body: str) -> str:
    """The command, a part a line; blank for what curl cannot send, such as mail or a file."""
    if method.upper() not in METHODS or not url.lower().startswith(("http://", "https://")):
        return ""
    parts = ["curl --globoff --request " + method.upper(), f"--url {quoted(url)}"]
    parts += [
        f"--header {quoted(_header(name, value))}"
        for name, value in headers.items()
        if name.lower() not in LEFT_OUT
    ]
    if body:
        parts.append(f"--data-raw {quoted(body)}")  # the one that reads no file for an @
    return " \\\n  ".join(parts)


def _header(name: str, value: str) -> str:
    """Blank headers are sent with a semicolon; a colon alone would take them away."""
    return f"{name}: {value}" if value else f"{name};"


def quoted(text: str) -> str:
    """One word of a POSIX shell, with what was masked as a variable that the shell puts in."""
    pieces = (_single(piece) for piece in text.split(MASK))
    return f'"{TOKEN}"'.join(pieces) or "''"


def _single(text: str) -> str:
    """In single quotes, in which nothing means anything but their own end. Nothing is nothing:
    beside a variable it needs none."""
    text = text.replace("\0", "")
    return "'" + text.replace("'", "'\\''") + "'" if text else ""
