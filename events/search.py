"""Finding leads by what people know of them: keyed digests of normal forms.

How a value is brought to its normal form is known to the field types, which live above this app;
they register here when the site starts.
"""

from __future__ import annotations

from collections.abc import Callable

from leadops.lib import secrets

Normaliser = Callable[[str], str | None]

_normalisers: dict[str, Normaliser] = {}


def register(kind: str, normaliser: Normaliser) -> None:
    """`normaliser` gives a value's normal form, None for what is no such value."""
    _normalisers[kind] = normaliser


def normal(kind: str, value: str) -> str | None:
    """The form in which an e-mail or phone is compared; None when it is none."""
    return _normalisers[kind](value)


def digest(kind: str, value: str) -> bytes | None:
    """Under which leads with this e-mail or phone are kept; None when it is none."""
    form = normal(kind, value)
    return secrets.search_digest(kind, form) if form else None
