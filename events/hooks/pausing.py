"""What hooks may pause. It belongs to apps above this one, which name it here when they start."""

from __future__ import annotations

from typing import Protocol

MARK = "hook:"  # before the slug of the hook in `by`; no user's name has a colon


class Pauser(Protocol):
    def __call__(self, id: str, *, way: str, reason: str, by: str) -> str:
        """Pause it, in the transaction that goes on; what was done, in words, blank where nothing
        was to do. `way` names a recipient's endpoint by its kind."""


_PAUSERS: dict[str, Pauser] = {}


def register(kind: str, pauser: Pauser) -> None:
    """`recipient`, `endpoint` and `source`."""
    _PAUSERS[kind] = pauser


def pauser(kind: str) -> Pauser:
    """Raises KeyError where nobody above has named one."""
    return _PAUSERS[kind]


def by(slug: str) -> str:
    return f"{MARK}{slug}"
