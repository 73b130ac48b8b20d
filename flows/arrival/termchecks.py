"""What the terms between a source and a flow must satisfy; for admin and bundle."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from flows.arrival.aliases import MAX_ALIASES, MAX_DEPTH, MAX_NAME
from recipients.termerrors import TermError

MAX_ENTRIES: Final = 200
HOST: Final = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z"
)
ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?\Z")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def aliases(value: Any, *, target: Callable[[str], None]) -> None:
    """An object of the source's names and our fields; `target` refuses what is no field's name."""
    if not isinstance(value, dict):
        raise TermError("Write an object: {their name: our field}")
    if len(value) > MAX_ALIASES:
        raise TermError(f"At most {MAX_ALIASES} names")
    seen: dict[str, str] = {}
    for name, field in value.items():
        if not 0 < len(name.strip()) <= MAX_NAME or not name.isprintable():
            raise TermError("Not a name for a field", name)
        if name.count(".") >= MAX_DEPTH or "" in name.split("."):
            raise TermError("Write names parted by single dots: contact.phone", name)
        if name.lower() in seen:
            raise TermError(f"The same name as {seen[name.lower()]}", name)
        seen[name.lower()] = name
        _one_field(field, name, target)


def field_names(value: Any, *, target: Callable[[str], None]) -> None:
    for place, name in enumerate(_list(value, "fields, e.g. [phone_1]")):
        _one_field(name, str(place), target)


def _one_field(name: Any, path: str, target: Callable[[str], None]) -> None:
    if not isinstance(name, str):
        raise TermError("Write the name of a field", path)
    try:
        target(name)
    except ValueError as error:
        raise TermError(str(error), path) from error


def networks(value: Any) -> None:
    for place, text in enumerate(_list(value, "addresses, e.g. [203.0.113.0/24]")):
        try:
            network_of(text)
        except ValueError as error:
            raise TermError(f"{error}; write e.g. 203.0.113.0/24", str(place)) from error


@lru_cache(maxsize=4096)
def network_of(text: str) -> Network:
    """Raises ValueError. A bare address is a network of one."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no text")  # a number would be taken for an address
    return ipaddress.ip_network(text.strip())


def origins(value: Any) -> None:
    for place, text in enumerate(_list(value, "sites, e.g. [https://www.example.com]")):
        if not isinstance(text, str) or not ORIGIN.match(text):
            raise TermError("Write a site without a path: https://www.example.com", str(place))


def hosts(value: Any) -> None:
    for place, text in enumerate(_list(value, "hosts, e.g. [www.example.com]")):
        if not isinstance(text, str) or not HOST.match(text) or "*" in text.split(".")[-2:]:
            raise TermError("Write a host in small letters: www.example.com", str(place))


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise TermError(f"Write a list of {what}")
    if len(value) > MAX_ENTRIES:
        raise TermError(f"At most {MAX_ENTRIES} entries")
    return value
