"""What stands for secrets when configuration is written or compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from leadops.config.references import REFERENCE, name_for


@dataclass(frozen=True, slots=True)
class Hidden:
    """A secret in a comparison: equal for equal secrets, shown as dots."""

    mark: str

    def __str__(self) -> str:
        return "•••"


def hidden(text: str) -> Hidden:
    return Hidden(hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Remark:
    """A value, or nothing, with a comment beside it."""

    comment: str
    value: Any = None


class Concealing(Protocol):
    def secret(self, text: str, *names: str) -> Any:
        """What stands for a credential; `names` say whose and which it is."""

    def hashed(self, marks: Iterable[str], comment: str) -> Any:
        """What stands for keys or passwords of which only hashes are kept; None for nothing."""


class ForFile:
    """References for credentials that are references, new names for those written out."""

    def secret(self, text: str, *names: str) -> Any:
        if REFERENCE.search(text):
            return text
        return Remark(
            "kept encrypted here; set it where this is loaded", f"${{{name_for(*names)}}}"
        )

    def hashed(self, marks: Iterable[str], comment: str) -> Any:
        return Remark(comment) if list(marks) else None


class ForComparison:
    def secret(self, text: str, *names: str) -> Any:
        return text if REFERENCE.search(text) else hidden(text)

    def hashed(self, marks: Iterable[str], comment: str) -> Any:
        found = sorted(marks)
        return hidden("\n".join(found)) if found else None


class Collecting:
    """Remembers the credentials that are written out, by the names a dump gives them."""

    def __init__(self, standing: dict[str, str]) -> None:
        self.standing = standing

    def secret(self, text: str, *names: str) -> Any:
        if not REFERENCE.search(text):
            self.standing[name_for(*names)] = text
        return ""

    def hashed(self, marks: Iterable[str], comment: str) -> Any:
        return None
