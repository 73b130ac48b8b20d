"""The names that a source posts values under: which are not its own to use, which hide what a
sensitive field would hide. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

# What we say about a lead ourselves: `source.name`, `appended.phone_check.carrier`.
OURS = frozenset({"id", "timestamp", "source", "appended"})


def passes_for_ours(name: str, value: Any, fields: Collection[str]) -> bool:
    """Would the value be read as one of ours, or as a component of a field, such as
    `email.valid`, which only the field's own reading may say?"""
    root, dot, _ = name.partition(".")
    if root in OURS:
        return bool(dot) or isinstance(value, dict)
    return bool(dot) and root in fields


def veiled(values: Mapping[str, Any], sensitive: Collection[str], *, mask: str) -> dict[str, Any]:
    """`values` with `mask` for all that stands under a sensitive field's name, at any depth:
    `ssn.raw`, `SSN` and `{"person": {"ssn": …}}` say no less than `ssn`."""
    if not sensitive:
        return dict(values)
    return _veiled(values, frozenset(map(_plain, sensitive)), mask)


def _veiled(values: Mapping[str, Any], hidden: frozenset[str], mask: str) -> dict[str, Any]:
    return {
        name: mask if value is not None and _names(name, hidden) else _deep(value, hidden, mask)
        for name, value in values.items()
    }


def _deep(value: Any, hidden: frozenset[str], mask: str) -> Any:
    if isinstance(value, dict):
        return _veiled(value, hidden, mask)
    if isinstance(value, list):
        return [_deep(item, hidden, mask) for item in value]
    return value


def _names(name: str, hidden: frozenset[str]) -> bool:
    return any(_plain(part) in hidden for part in name.split("."))


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    """`Date_of-Birth` and `dateofbirth` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
