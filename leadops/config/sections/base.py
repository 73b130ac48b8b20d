"""What all sections share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import Model

from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.plans import Draft, Plan


class Section(Protocol):
    """`key` names the list in the bundle, `kind` one of its objects, `name` what tells it apart."""

    key: str
    kind: str
    name: str

    def objects(self) -> list[Any]:
        """All that there are, with everything that `write` looks at."""

    def read(self, plan: Plan, items: list[Item]) -> None:
        """Draft what the items say."""

    def write(self, obj: Any, concealing: Concealing) -> dict[str, Any]:
        """The document of an object."""


@dataclass(frozen=True, slots=True)
class Top:
    """An object of a section as it stands in the file, with the one that is there."""

    name: str
    item: Item
    draft: Draft


def tops(plan: Plan, section: Section, items: list[Item], model: type[Model]) -> Iterator[Top]:
    """The named objects of a section; reports those without a name and names that repeat."""
    there = dict(plan.known.get(section.kind, {}))
    lines: dict[str, int] = {}
    for item in items:
        named = _name(item, section.name)
        if named is None:
            continue
        name, place = named
        if name in lines:
            place.error(f"{section.kind} {name} stands here twice, first in line {lines[name]}")
            continue
        lines[name] = place.at
        found = there.get(name)
        obj = found if found is not None else model(**{section.name: name})
        draft = Draft(obj, item, is_new=found is None)
        plan.top(section.kind, name, obj)
        yield Top(name, item, draft)


def _name(item: Item, key: str) -> tuple[str, Item] | None:
    if not isinstance(item.node.value, dict):
        item.expected("an object of keys and values")
        return None
    child = item.child(key) if key in item.node.value else None
    if child is None or child.node.value is None:
        item.required(key)
        return None
    text = child.text()
    return None if text is None else (text, child)
