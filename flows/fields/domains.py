"""Domain names: which can exist, and where the registered name ends."""

from __future__ import annotations

import re

import idna

from flows.fields.kept_lists import lines
from flows.fields.value import Invalid

# RFC 1035, 2.3.4: 63 characters a label, 253 in all as written.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST = 253

_SECOND_LEVEL = frozenset(
    f"{second}.{top.strip()}"
    for top, _, seconds in (line.partition(":") for line in lines("second_level.txt"))
    for second in seconds.split()
)


def ascii_domain(domain: str) -> str:
    """The domain in lower case and ASCII. Raises Invalid where no such domain can exist."""
    if len(domain) > _LONGEST:
        raise Invalid("has a domain that cannot exist")
    if not domain.isascii() or "xn--" in domain:
        domain = _encoded(domain)
    labels = domain.split(".")
    if len(labels) < 2:
        raise Invalid("has a domain without a dot")
    if len(domain) > _LONGEST or not all(map(_LABEL.fullmatch, labels)):
        raise Invalid("has a domain that cannot exist")
    ending = labels[-1]
    if len(ending) < 2 or not (ending.isalpha() or ending.startswith("xn--")):
        raise Invalid("has a domain that cannot exist")
    return domain


def _encoded(domain: str) -> str:
    """By IDNA 2008 (UTS 46), as browsers do: faß.de is not fass.de, as it was in IDNA 2003."""
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise Invalid("has a domain that cannot exist") from None


def split_ending(domain: str) -> tuple[str, str]:
    """The name and the ending under which it was registered: (`b`, `co.uk`)."""
    labels = domain.split(".")
    kept = 2 if len(labels) > 2 and ".".join(labels[-2:]) in _SECOND_LEVEL else 1
    return ".".join(labels[:-kept]), ".".join(labels[-kept:])
