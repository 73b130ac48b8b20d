"""`redir_url`: where a browser is sent after its form. Pure.

Who writes a link to a submit address writes the redirect too: without a list of hosts any page
could be reached under our name. The URL is held against a strict form first, so that browsers
cannot read another host in it than we do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

MAX_LENGTH: Final = 2000
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?P<port>\d{1,5}))?"
    r"(?P<rest>[/?#][\x21-\x5b\x5d-\x7e]*)?\Z",
    re.IGNORECASE | re.ASCII,
)


class BadRedirect(ValueError):
    """Not an http(s) address in its plain form."""


def host_of(url: str) -> str:
    """The host, in small letters. Raises BadRedirect."""
    found = _URL.match(url) if len(url) <= MAX_LENGTH else None
    if found is None or ".." in found["host"]:
        raise BadRedirect("Invalid redir_url: write a whole http or https address, encoded")
    return found["host"].lower()


def is_allowed(url: str, hosts: Sequence[str]) -> bool:
    """`*.example.org` stands for all below it. Raises BadRedirect."""
    host = host_of(url)
    return any(
        host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
        for allowed in hosts
    )
