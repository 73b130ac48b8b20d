"""What the look-alikes share: who is called, whether by somebody known, and what is kept there."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from leadops.buyers.messages import Received

MAX_RECORDS: Final = 10_000
MAX_ORGANIZATIONS: Final = 1_000
# Tokens that are not taken, besides none at all.
REFUSED: Final = frozenset({"expired", "invalid", "revoked"})

_numbers = count(1)


@dataclass(slots=True)
class Organization:
    """One customer's records, by what tells them apart; the oldest leave when there are many."""

    records: OrderedDict[str, tuple[str, dict[str, Any]]] = field(default_factory=OrderedDict)

    def find(self, *keys: str) -> str:
        """The id of the first record that has one of the keys; "" for none."""
        return next((self.records[key][0] for key in keys if key and key in self.records), "")

    def keep(self, id: str, values: dict[str, Any], *keys: str) -> None:
        for key in filter(None, keys):
            self.records[key] = (id, values)
        while len(self.records) > MAX_RECORDS:
            self.records.popitem(last=False)


_organizations: dict[str, Organization] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a vendor: `path` is the vendor's own, `error` what was asked to go wrong."""

    received: Received
    organization: Organization
    name: str
    path: str
    error: str

    @property
    def method(self) -> str:
        return self.received.method

    def header(self, name: str) -> str:
        headers = {key.lower(): value for key, value in self.received.headers().items()}
        return headers.get(name.lower(), "")

    @property
    def is_known(self) -> bool:
        """Whether it comes with a token that is taken."""
        kind, _, token = self.header("authorization").partition(" ")
        return kind.lower() == "bearer" and bool(token) and token not in REFUSED


def call_of(received: Received, vendor: str) -> Call:
    before, _, after = received.target.path.partition(f"/{vendor}/")
    error = ""
    if after.startswith("~"):
        error, _, after = after[1:].partition("/")
    name = f"{before}/{vendor}"
    if name not in _organizations and len(_organizations) >= MAX_ORGANIZATIONS:
        _organizations.pop(next(iter(_organizations)))
    organization = _organizations.setdefault(name, Organization())
    return Call(received, organization, name, f"/{after}", error)


def number_of(text: str, *, digits: int = 6) -> str:
    """The same number for the same text, in any process."""
    return str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) % 10**digits)


def next_number() -> int:
    return next(_numbers)


def lowered(values: Mapping[str, Any], name: str) -> str:
    return str(values.get(name) or "").strip().casefold()
