"""Shapes: which keys an object of the bundle has, and which fields of a model they are.

One table for both ways. Dots in a name nest: `duplicates.within` is a key of `duplicates`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from leadops.config.items import Item
from leadops.config.kinds import TEXT, Kind

Conceal = Callable[[str, str], Any]
"""What stands for a secret: its text and its name in, a value to write out."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key. Absent, its field gets the model's default, unless it `stays`."""

    name: str
    kind: Kind = TEXT
    field: str = ""
    required: bool = False
    stays: bool = False

    @property
    def attribute(self) -> str:
        return self.field or self.name.replace(".", "_")


@dataclass(frozen=True, slots=True)
class Shape:
    """`own` names further keys, which the section reads and writes by itself."""

    keys: tuple[Key, ...]
    own: tuple[str, ...] = ()
    _tree: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tree: dict[str, Any] = {}
        for name in [*(key.name for key in self.keys), *self.own]:
            *groups, leaf = name.split(".")
            level = tree
            for group in groups:
                level = level.setdefault(group, {})
            level[leaf] = None
        object.__setattr__(self, "_tree", tree)

    def read(self, item: Item) -> dict[str, Item]:
        """The items by dotted key; unknown and missing keys are reported."""
        found: dict[str, Item] = {}
        _walk(item, self._tree, "", found)
        if isinstance(item.node.value, dict):
            for key in self.keys:
                if key.required and key.name not in found:
                    item.required(key.name)
        return found

    def write(self, obj: Any, conceal: Conceal) -> dict[str, Any]:
        """The document of `obj`; what is blank, and would be without a word, is left out."""
        document: dict[str, Any] = {}
        for key in self.keys:
            value = getattr(obj, key.attribute)
            if not (is_blank(value) and is_blank(default_of(obj, key.attribute))):
                written = conceal(value, key.name) if key.kind.is_secret else key.kind.write(value)
                put(document, key.name, written)
        return document


def _walk(item: Item, tree: dict[str, Any], prefix: str, found: dict[str, Item]) -> None:
    for key, child in item.entries(tree).items():
        inner = tree[key]
        if inner is None:
            found[prefix + key] = child
        else:
            _walk(child, inner, f"{prefix}{key}.", found)


def is_blank(value: Any) -> bool:
    return value is None or value == "" or value == {} or value == []


def default_of(obj: Any, attribute: str) -> Any:
    """What the model gives a field that is not set."""
    return obj._meta.get_field(attribute).get_default()


def put(document: dict[str, Any], name: str, value: Any) -> None:
    """Set a dotted key."""
    *groups, leaf = name.split(".")
    for group in groups:
        document = document.setdefault(group, {})
    document[leaf] = value
