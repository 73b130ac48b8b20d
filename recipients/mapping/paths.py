"""Paths: how `lead.email.domain` finds its value.

The lead is one flat dict with dotted keys, and appended values may be nested; so the whole rest of
the path is looked up first, then shorter beginnings of it, descending into what they hold. Only
dicts and lists are entered: no attribute of a Python object is ever read.
"""

from __future__ import annotations

from typing import Any, Final

from recipients.mapping.scope import Evaluate, Scope
from recipients.mapping.values import is_list, is_object

ROOTS: Final = frozenset(
    {"lead", "source", "flow", "recipient", "delivery", "now", "delivery_attempt", "bid", "batch"}
)
"""Where a path may begin. `bid` is what a buyer answered to the ping, in a post."""

LOOP_ROOTS: Final = frozenset({"this", "@index", "@key", "@first", "@last", "@number"})

MAX_SEGMENTS: Final = 10


class _Missing:
    """The mark for a path that is not there, as against one whose value is blank."""

    __slots__ = ()


MISSING: Final = _Missing()


def find(container: Any, segments: tuple[str, ...]) -> Any:
    """The value at these segments, MISSING where there is none."""
    if not segments:
        return container
    if is_list(container):
        return _item(container, segments)
    if not is_object(container):
        return MISSING
    for length in range(len(segments), 0, -1):
        key = ".".join(segments[:length])
        if key in container:
            value = find(container[key], segments[length:])
            if value is not MISSING:
                return value
    return MISSING


def _item(items: Any, segments: tuple[str, ...]) -> Any:
    first = segments[0]
    if first.isascii() and first.isdigit() and len(first) < 6 and int(first) < len(items):
        return find(items[int(first)], segments[1:])
    return MISSING


def reader(segments: tuple[str, ...]) -> Evaluate:
    """The value of a path that begins at a root; None, and noted, where it is missing."""
    root, rest = segments[0], segments[1:]
    flat, name = ".".join(rest), ".".join(segments)
    if root in LOOP_ROOTS:
        return _loop_reader(root, rest, name)
    if root == "delivery_attempt":
        return _attempt

    field = flat.removesuffix(".raw") if root == "lead" and flat.endswith(".raw") else ""

    def read(scope: Scope) -> Any:
        container = scope.context.get(root)
        if not rest:
            value = container if root in scope.context else MISSING
        elif type(container) is dict and flat in container:
            return container[flat]
        else:
            value = find(container, rest)
        # What was sent is kept beside a field's value only where the two differ.
        if value is MISSING and field and is_object(container) and f"{field}.valid" in container:
            value = container.get(field, MISSING)
        return _noted(scope, name, value)

    return read


def bare_reader(name: str) -> Evaluate:
    """A single name that is no root: the loop's item, then the source's, then the lead's field."""

    def read(scope: Scope) -> Any:
        if scope.loop is not None and is_object(scope.loop.this) and name in scope.loop.this:
            return scope.loop.this[name]
        for root in ("source", "lead"):
            container = scope.context.get(root)
            if is_object(container) and name in container:
                return container[name]
        return _noted(scope, name, MISSING)

    return read


def _noted(scope: Scope, name: str, value: Any) -> Any:
    if value is MISSING:
        if scope.missing is not None:
            scope.missing[name] = None
        return None
    return value


def _attempt(scope: Scope) -> Any:
    """`delivery_attempt` is the older name of `delivery.attempt`: either will do."""
    value = scope.context.get("delivery_attempt", MISSING)
    if value is MISSING:
        value = find(scope.context.get("delivery"), ("attempt",))
    return _noted(scope, "delivery_attempt", value)


def _loop_reader(root: str, rest: tuple[str, ...], name: str) -> Evaluate:
    def read(scope: Scope) -> Any:
        loop = scope.loop
        if loop is None:
            return _noted(scope, name, MISSING)
        if root == "this":
            return _noted(scope, name, find(loop.this, rest))
        if root == "@number":
            return loop.index + 1
        return getattr(loop, root[1:])  # one of the five names of LOOP_ROOTS, never a user's

    return read
