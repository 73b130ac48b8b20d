"""What somebody chose above a list, as its address says it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Chosen:
    """A list's filters; blank: everything. Each list adds its own, all of them texts.

    `after` is the cursor of the page. `known` are the words that a filter may have, where not any
    text will do.
    """

    known: ClassVar[Mapping[str, Container[str]]] = {}

    after: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """From the page's address; what is not known there is left out."""
        given = {one.name: str(query.get(one.name, "")).replace("\0", "") for one in fields(cls)}
        for name, words in cls.known.items():
            if given[name] not in words:
                given[name] = ""
        return cls(**given)

    @property
    def any(self) -> bool:
        """Is anything left out of the list?"""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "after")
