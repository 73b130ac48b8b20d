"""Addresses of the internet protocol, both versions."""

from __future__ import annotations

import ipaddress

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read


def read_ip(given: Given) -> Read:
    """The address in its shortest spelling."""
    try:
        address = ipaddress.ip_address(plain(given.text))
    except ValueError:
        raise Invalid("is not an IP address") from None
    return Read(str(address), {"version": address.version, "is_private": address.is_private})


IP = FieldType("ip", "IP address", read_ip, ("version", "is_private"))
