"""`WWW-Authenticate` taken apart, after RFC 9110 11.6.1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105  a grammar's word
_PIECE: Final = re.compile(
    rf'\s*,?\s*(?:(?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))'
    rf"|(?P<scheme>{_TOKEN})(?:\s+(?P<blob>[A-Za-z0-9\-._~+/]+=*)(?=\s*(?:,|$)))?)"
)
MAX_LENGTH: Final = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """`scheme` and the parameters' names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def challenges_of(header: str) -> list[Challenge]:
    """Every challenge of a header, in order; what follows a mistake is left out."""
    found: list[tuple[str, dict[str, str]]] = []
    at, header = 0, header[:MAX_LENGTH]
    while at < len(header) and (piece := _PIECE.match(header, at)):
        if scheme := piece["scheme"]:
            found.append((scheme.lower(), {}))
        elif found:
            value = piece["plain"]
            if value is None:
                value = re.sub(r"\\(.)", r"\1", piece["quoted"])
            found[-1][1].setdefault(piece["name"].lower(), value)
        at = piece.end()
    return [Challenge(scheme, parameters) for scheme, parameters in found]
