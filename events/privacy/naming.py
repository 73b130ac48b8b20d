"""Which of a lead's fields something that is sent names, and the classes of those fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from recipients import mapping
from recipients.models import Endpoint

ROOT = "lead."
OURS = frozenset({"id", "timestamp"})  # of the lead, but nobody's data
APPENDED = "appended."
EVERYTHING = "*"
CLASSES = ("sensitive", "personal", "plain")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the lead and its class; `*` where everything was sent. `now` marks what is known
    only as it is configured now."""

    name: str
    privacy: str
    now: bool = False


F = TypeVar("F", bound=Field)


def by_class(fields: Iterable[F]) -> list[list[F]]:
    """Sensitive, personal and plain ones."""
    rows = list(fields)
    return [[field for field in rows if field.privacy == each] for each in CLASSES]


def names_in(content: Mapping[str, Any]) -> frozenset[str]:
    """The lead's fields that a version of a mapping names; of one that no longer compiles none."""
    try:
        if "text" in content:
            return _roots(mapping.compile_text(content["text"]).paths)
        return _roots(mapping.compile_rows(mapping.Row(**row) for row in content["rows"]).paths)
    except ValueError:
        return frozenset()


def in_document(document: Mapping[str, Any]) -> frozenset[str]:
    """Those that a mapping without versions names: of a ping or a service."""
    try:
        return _roots(mapping.compile_document(document).paths)
    except ValueError:
        return frozenset()


def in_endpoint(row: Endpoint) -> frozenset[str]:
    """What is sent besides the mapping: in address, headers and the integration's options, such as
    the words of a mail."""
    options = _texts_of(row.options)
    return _in_texts([row.url, row.headers, row.idempotency_template, *options])


def in_service(row: Any) -> frozenset[str]:
    """What an enhancement step tells its service."""
    return in_document(row.send) | _in_texts([row.url, row.headers])


def in_pricing(document: Mapping[str, Any]) -> frozenset[str]:
    """What a service that says a source's price is told."""
    beside = [document.get("url", ""), *_texts_of(document.get("headers", {}))]
    return in_document(document.get("send", {})) | _in_texts(beside)


def classed(
    names: Iterable[str], privacy: Mapping[str, str], *, now: bool = False
) -> tuple[Field, ...]:
    """With their classes; what no flow describes counts as personal, services' answers as plain."""
    return tuple(Field(name, class_of(name, privacy), now) for name in sorted(names))


def class_of(name: str, privacy: Mapping[str, str]) -> str:
    """Of everything it is the strictest that there is."""
    if name == EVERYTHING:
        return strictest([*privacy.values(), "personal"])
    return privacy.get(name, "plain" if name.startswith(APPENDED) else "personal")


def strictest(classes: Iterable[str]) -> str:
    """Of several, the one that says most care."""
    return min(classes, key=CLASSES.index)


def _roots(paths: Iterable[str]) -> frozenset[str]:
    """`lead.email.domain` → email; of what services appended the whole name."""
    found = set()
    for path in paths:
        if path == "lead":
            found.add(EVERYTHING)
        elif path.startswith(ROOT):
            name = path.removeprefix(ROOT)
            found.add(name if name.startswith(APPENDED) else name.partition(".")[0])
    return frozenset(found) - OURS


def _texts_of(value: Any) -> Iterator[str]:
    """All texts within the options, however they are nested."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts_of(each)


def _in_texts(texts: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for text in texts:
        if "{{" not in text:
            continue
        try:
            found |= _roots(mapping.compile_template(text).paths)
        except ValueError:
            continue
    return frozenset(found)
