"""Several leads as one body: what a mapping gives otherwise, made before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file of `count` leads. `name` has its ending; a reply of up to `max_reply` bytes may
    answer it."""

    name: str
    content_type: str
    data: bytes
    count: int
    max_reply: int = 65_536

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def ending(self) -> str:
        return self.name.rpartition(".")[2]
