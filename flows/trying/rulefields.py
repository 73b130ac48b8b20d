"""What a rules editor offers: the fields of flows with their components, and what goes with them.

Names alone of what recent leads held beside: their values are people's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flows import plans
from flows.fields.registry import FIELD_TYPES
from flows.fields.state import CANADA, UNITED_STATES
from flows.models import FlowField, FlowSource
from flows.steps import appending, stepvalues

TEXT: Final = "text"
NUMBER: Final = "number"
FLAG: Final = "flag"
KINDS: Final = {
    "number": NUMBER,
    "currency": NUMBER,
    "boolean": FLAG,
    "age": NUMBER,
    "year": NUMBER,
    "month": NUMBER,
    "day": NUMBER,
    "hour": NUMBER,
    "minute": NUMBER,
    "second": NUMBER,
    "min": NUMBER,
    "max": NUMBER,
    "avg": NUMBER,
}
"""How values of types and components are written in rules, where not as text."""
VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "state": (*UNITED_STATES, *CANADA),
    "boolean": ("true", "false"),
    "gender": ("male", "female"),
}
OURS: Final = {"timestamp": "When it came in", "id": "The lead's id"}
LEVELS: Final = 4
MAX_SEEN: Final = 200


@dataclass(frozen=True, slots=True)
class Offered:
    """A field to choose. `kind` says how its values are written, `values` are some to choose."""

    name: str
    label: str = ""
    kind: str = TEXT
    values: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label,
            "kind": self.kind,
            "values": list(self.values),
        }


def offered(flows: Sequence[str], seen: Iterable[Mapping[str, Any]] = ()) -> list[Offered]:
    """All that rules about leads of these flows may read, in the order of the flows' fields."""
    found = [*_fields(flows), *_appended(flows), *_sources(flows)]
    found += [Offered(name, label) for name, label in OURS.items()]
    known = {each.name for each in found}
    names = dict.fromkeys(path for values in seen for path in _paths(values))
    new = sorted(name for name in names if name not in known and not _is_part(name, known))
    return [*found, *(Offered(name, "In recent leads") for name in new[:MAX_SEEN])]


def types() -> dict[str, dict[str, Any]]:
    """Every field type with its components, for fields that are not saved yet."""
    return {
        name: {**_of_type(name, name).as_json(), "parts": [p.as_json() for p in _parts(name, "")]}
        for name in FIELD_TYPES
    }


def _fields(flows: Sequence[str]) -> Iterator[Offered]:
    rows = FlowField.objects.filter(flow__in=flows).order_by("flow", "position", "id")
    kinds: dict[str, str] = {}
    for name, kind in rows.values_list("name", "type"):
        kinds.setdefault(name, kind)
    for name, kind in kinds.items():
        yield _of_type(name, kind)
        yield from _parts(kind, f"{name}.")


def _appended(flows: Sequence[str]) -> Iterator[Offered]:
    for step, each in stepvalues.of_flows(flows):
        yield Offered(appending.key(step, each.name), f"Appended by {step}")


def _of_type(name: str, kind: str) -> Offered:
    known = FIELD_TYPES.get(kind)
    label = known.label if known else kind
    return Offered(name, label, KINDS.get(kind, TEXT), VALUES.get(kind, ()))


def _parts(kind: str, prefix: str) -> Iterator[Offered]:
    known = FIELD_TYPES.get(kind)
    for part in (*(known.components if known else ()), "raw", "reason"):
        is_flag = part.startswith("is_")
        how = FLAG if is_flag else KINDS.get(part, TEXT)
        values = VALUES["state" if (kind, part) == ("state", "code") else "boolean"]
        offers = values if is_flag or (kind, part) == ("state", "code") else ()
        yield Offered(f"{prefix}{part}", f"{part.replace('_', ' ')}", how, offers)


def _sources(flows: Sequence[str]) -> Iterator[Offered]:
    current = plans.current()
    ids = FlowSource.objects.filter(flow__in=flows).values_list("source", flat=True)
    sources = [current.sources[key] for key in dict.fromkeys(ids) if key in current.sources]
    names = dict.fromkeys(["name", "slug", *(name for each in sources for name in each.values)])
    for name in names:
        texts = dict.fromkeys(str(each.values[name]) for each in sources if name in each.values)
        yield Offered(f"source.{name}", "Of the source", TEXT, tuple(texts))


def _paths(values: Mapping[str, Any], prefix: str = "", level: int = 0) -> Iterator[str]:
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and level < LEVELS:
            yield from _paths(value, f"{path}.", level + 1)
        else:
            yield path


def _is_part(name: str, known: Iterable[str]) -> bool:
    """`email.valid` of a known `email`: there are operators for that."""
    return name.rpartition(".")[0] in known and name.endswith(".valid")
