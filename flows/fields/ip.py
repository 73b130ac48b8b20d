"""Addresses of the internet protocol, both versions."""

from __future__ import annotations

import ipaddress
import re

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

# As proxies pass them on: with the port, an IPv6 address then in brackets (RFC 7239, 6).
_WITH_PORT = re.compile(r"\[([0-9a-f:.]+)\](?::\d{1,5})?|([\d.]+):\d{1,5}", re.IGNORECASE)


def read_ip(given: Given) -> Read:
    """The address in its shortest spelling, without a port; an IPv4 address in IPv6's clothes
    (`::ffff:203.0.113.7`) as what it is, so that it compares with others of the same visitor."""
    text = plain(given.text)
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    if "," in text:
        raise Invalid("is a list of addresses, not one")
    try:
        # The zone after % means something on its own machine alone.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Invalid("is not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return Read(str(address), {"version": address.version, "is_private": address.is_private})


IP = FieldType(
    "ip",
    "IP address",
    read_ip,
    ("version", "is_private"),
    takes="203.0.113.7, 2001:db8::1, with a port too",
)
