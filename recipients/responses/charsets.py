"""A reply's bytes as text: by its byte order mark, by the charset that it names, else as UTF-8."""

from __future__ import annotations

import re
from typing import Final

from leadops.lib.http.messages import Reply

MAX_BODY: Final = 64 * 1024
"""Bytes of a reply that are read; the HTTP door cuts at the same."""
_MARKS: Final = (
    # The longer first: UTF-32's mark begins as UTF-16's.
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CHARSET: Final = re.compile(r"charset=[\"']?([\w.:-]+)")
# Only charsets that buyers use: Python knows others that take the square of the length.
_KNOWN: Final = re.compile(
    r"utf[-_]?(?:8|16|32)(?:[-_]?(?:le|be|sig))?|iso[-_]?8859[-_]\d+|latin[-_]?\d+|windows-\d+"
    r"|cp\d+|(?:us-)?ascii|shift[-_]jis|euc[-_]\w+|gb\w+|big5|koi8-[ru]"
)
_IN_XML: Final = re.compile(rb"""<\?xml[^>]{0,100}encoding=["']([\w.-]{1,40})["']""")
_IN_HTML: Final = re.compile(rb"""<meta[^>]{0,100}charset=["']?([\w.-]{1,40})""", re.IGNORECASE)
_CUT: Final = 4  # bytes of the last character that may be missing at the end


def decoded(reply: Reply, *, limit: int = MAX_BODY) -> str:
    """The body as text, at most `limit` bytes of it, its mark taken off; what is wrong is marked.

    Bytes that are no UTF-8, of a reply that names no charset, are read as Windows-1252, as
    browsers do.
    """
    body = reply.body[:limit]
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return body.decode(charset, "replace").removeprefix("\ufeff")
    charset = _named(reply, body)
    try:
        text = body.decode(charset, "replace") if charset else _unnamed(body, limit)
    except (LookupError, ValueError):
        text = body.decode("utf-8", "replace")
    return text.removeprefix("\ufeff")


def _named(reply: Reply, body: bytes) -> str:
    """The charset of the content type, the XML declaration or the HTML head; "" for none known."""
    header = _CHARSET.search(reply.headers.get("content-type", "").lower())
    head = body.lstrip()[:1024]
    inside = _IN_XML.match(head[:200]) or (head.startswith(b"<") and _IN_HTML.search(head))
    named = header[1] if header else inside[1].decode().lower() if inside else ""
    if not header and named.startswith(("utf-16", "utf-32")):
        return ""  # were it so, these letters could not be read as single bytes
    return named if _KNOWN.fullmatch(named) else ""


def _unnamed(body: bytes, limit: int) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = len(body) == limit and error.start >= len(body) - _CUT
        # With a NUL it is no text in any case.
        charset = "utf-8" if is_cut or b"\0" in body else "windows-1252"
        return body.decode(charset, "replace")
