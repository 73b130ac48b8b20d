"""Two payloads beside each other, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from recipients.mapping.keys import Segment, write_key
from recipients.mapping.values import json_of

_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """A key whose value is another one; `before` or `after` is None where the key is not there.

    Values are texts as JSON writes them, so that 1 and "1" differ.
    """

    key: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """The keys that differ, in the order of `after`, those that are gone last."""
    was, now = dict(_leaves(before, ())), dict(_leaves(after, ()))
    return tuple(
        Difference(key, _text(was.get(key, _NOTHING)), _text(now.get(key, _NOTHING)))
        for key in dict.fromkeys([*now, *was])
        if not _same(was.get(key, _NOTHING), now.get(key, _NOTHING))
    )


def _leaves(node: Any, path: tuple[Segment, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and node:
        for name, child in node.items():
            yield from _leaves(child, (*path, str(name)))
    elif isinstance(node, list | tuple) and node:
        for place, child in enumerate(node):
            yield from _leaves(child, (*path, place))
    elif path:
        yield write_key(path), node


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


def _text(value: Any) -> str | None:
    if value is _NOTHING:
        return None
    return json_of(value)
