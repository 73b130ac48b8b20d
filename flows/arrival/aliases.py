"""Names that a source uses for our fields. Pure.

An alias is read whatever its case: `fname`, `Fname`. Dots lead into what is nested, and stand for
themselves where a form has them in a name: `contact.phone` finds both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_ALIASES: Final = 200
MAX_NAME: Final = 100
MAX_DEPTH: Final = 10
# The field that TrustedForm's script adds to web forms, whatever the flow calls its own.
USUAL: Final[Mapping[str, str]] = {"xxtrustedformcerturl": "trustedform_cert_url"}


@dataclass(frozen=True, slots=True)
class Aliases:
    """`flat` is our field by the source's name in small letters; `deep` those with dots."""

    flat: Mapping[str, str]
    deep: tuple[tuple[tuple[str, ...], str], ...]

    def applied(self, values: Mapping[str, Any], *, hidden: Collection[str] = ()) -> dict[str, Any]:
        """The values under our names.

        A field that the source fills under our name keeps that value. What an alias says besides
        stays under its own name, unless the field is `hidden`: then it is left out.
        """
        found = dict(values)
        for name in values:
            target = self.flat.get(name.lower())
            if target is not None and target != name:
                _move(found, (name,), target, hidden)
        for path, target in self.deep:
            for place in _places(found, path):
                _move(found, place, target, hidden)
        return found


def compiled(*tables: Mapping[str, str]) -> Aliases:
    """The aliases of these tables; of two for one name that of the later table."""
    merged = dict(USUAL)
    for table in tables:
        merged.update({name.lower(): target for name, target in table.items()})
    deep = tuple((tuple(name.split(".")), field) for name, field in merged.items() if "." in name)
    return Aliases(merged, deep)


USUAL_ALONE: Final = compiled()


def _places(values: Mapping[str, Any], path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Where the path leads: at most one place, named as the source wrote it."""
    place: list[str] = []
    node: Any = values
    for part in path:
        if not isinstance(node, Mapping):
            return []
        name = part if part in node else _like(node, part)
        if name is None:
            return []
        place.append(name)
        node = node[name]
    return [tuple(place)]


def _like(node: Mapping[str, Any], part: str) -> str | None:
    return next((name for name in node if name.lower() == part), None)


def _move(
    values: dict[str, Any], place: tuple[str, ...], target: str, hidden: Collection[str]
) -> None:
    taken = not _is_blank(values.get(target))
    if taken and target not in hidden:
        return
    moved = _taken_out(values, place)
    if not taken and not _is_blank(moved):
        values[target] = moved


def _taken_out(values: dict[str, Any], place: tuple[str, ...]) -> Any:
    """The value at the place, which is gone then; what it stood in is copied, not changed."""
    *groups, last = place
    level = values
    for group in groups:
        level[group] = dict(level[group])
        level = level[group]
    return level.pop(last)


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
