"""From a bundle to models: what each object shall be, checked by the models, then saved.

Sections make drafts; a draft sets fields and remembers where in the file each came from, so that
what the models' own validation refuses is told with line and path. Nothing is saved before the
whole file is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model

from leadops.config.items import File, Item
from leadops.config.problems import suggestion
from leadops.config.references import Missing
from leadops.config.shapes import Key, Shape, default_of
from leadops.lib.fields import SecretField


@dataclass(slots=True)
class Draft:
    """An object as the file wants it."""

    obj: Any
    item: Item
    is_new: bool
    changed: set[str] = field(default_factory=set)
    places: dict[str, Item] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)

    def put(self, attribute: str, value: Any, item: Item | None = None) -> None:
        """Set a field; it counts as changed only when it is."""
        if item is not None:
            self.places[attribute] = item
        if not same(getattr(self.obj, attribute), value):
            setattr(self.obj, attribute, value)
            self.changed.add(attribute)

    def take(self, shape: Shape, found: dict[str, Item]) -> None:
        """Set the fields of a shape from the items that `Shape.read` found."""
        for key in shape.keys:
            item = found.get(key.name)
            if item is not None:
                self._take(key, item)
                continue
            self.places[key.attribute] = self.item.descend(key.name.split("."))
            if key.required:
                self.wrong.add(key.attribute)
            elif not key.stays:
                self.put(key.attribute, default_of(self.obj, key.attribute))

    def _take(self, key: Key, item: Item) -> None:
        self.places[key.attribute] = item
        value = read(item, key.kind.read)
        if value is None:
            self.wrong.add(key.attribute)
        else:
            self.put(key.attribute, value, item)

    def check(self) -> None:
        """Hold the object against its model's validation; report what it refuses."""
        relations = {f.name for f in self.obj._meta.fields if f.is_relation}
        unchanged = not (self.is_new or self.changed)
        unique = not unchanged and not self.wrong
        try:
            self.obj.full_clean(
                exclude=relations | self._unread() | {"id", "password", "digest", "hint"},
                validate_unique=unique,
                validate_constraints=unique,
            )
        except ValidationError as error:
            self._report(error)

    def _unread(self) -> set[str]:
        # What was reported already, and encrypted text that no validator is for.
        secret = {f.name for f in self.obj._meta.fields if isinstance(f, SecretField)}
        return self.wrong | {name for name in secret if name not in self.places}

    def _report(self, error: ValidationError) -> None:
        for attribute, errors in error.error_dict.items():
            if attribute in self.wrong or (self.wrong and attribute == NON_FIELD_ERRORS):
                continue  # follows from what was reported already
            item = self.places.get(attribute, self.item)
            self.wrong.add(attribute)
            for each in errors:
                complain(item, each, self._choices(attribute))

    def _choices(self, attribute: str) -> list[str]:
        if attribute == NON_FIELD_ERRORS:
            return []
        return [str(value) for value, _ in self.obj._meta.get_field(attribute).flatchoices]


def read(item: Item, how: Callable[[Item], Any]) -> Any:
    """What `how` makes of the item; its ValueErrors are reported, None then."""
    try:
        return how(item)
    except Missing as error:
        item.error(f"{error}")
    except ValueError as error:
        item.error(sentence(str(error)))
    return None


def sentence(text: str) -> str:
    return text[:-1] if text.endswith(".") and not text.endswith("…") else text


def complain(item: Item, error: ValidationError, choices: Iterable[str] = ()) -> None:
    """Report what a model refused, at the innermost place that the error names."""
    cause = error.__cause__
    inner = item
    line = 0
    message = sentence("; ".join(error.messages))
    if path := getattr(cause, "path", ""):
        inner = item.descend(path.replace("[", ".").replace("]", "").split("."))
    name = item.path.rpartition(".")[2]
    message = re.sub(rf"^(?:rules\.\d+\.)?{re.escape(name)}: ", "", message)
    if inner.path != item.path:
        message = sentence(getattr(cause, "message", message))
    if item.node.is_literal and isinstance(found := getattr(cause, "line", None), int):
        line = item.node.line + found  # the text begins on the line after the sign
        message = sentence(getattr(cause, "message", message))
    if error.code == "invalid_choice":
        word = item.node.text
        message = f"“{word}” is not possible{suggestion(word, choices)}"
    if isinstance(inner.node.value, str) and not line:
        inner.error(message)
    else:
        inner.error(message, line=line)


def same(one: Any, other: Any) -> bool:
    """Equality that tells true from 1, at any depth."""
    return bool(one == other and _exact(one) == _exact(other))


def _exact(value: Any) -> Any:
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return value


@dataclass(slots=True)
class Plan:
    """What loading will do, in order. `known` are objects by kind and name, drafts included."""

    file: File
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    tops: list[tuple[str, str, Any]] = field(default_factory=list)
    work: list[Callable[[], None]] = field(default_factory=list)

    def top(self, kind: str, name: str, obj: Any) -> None:
        """Note an object of the file; the report compares it before and after."""
        self.tops.append((kind, name, obj))
        self.known.setdefault(kind, {})[name] = obj

    def save(self, draft: Draft) -> None:
        """Check the draft; save it later, if there is something to save."""
        draft.check()
        if draft.is_new:
            self.work.append(lambda: draft.obj.save(force_insert=True))
        elif draft.changed:
            self.work.append(lambda: draft.obj.save(update_fields=sorted(draft.changed)))

    def delete(self, objects: Iterable[Model]) -> None:
        for obj in objects:
            self.work.append(lambda obj=obj: obj.delete())  # type: ignore[misc]

    def find(self, kind: str, item: Item) -> Any:
        """The object that a slug names; None (reported) for an unknown one."""
        slug = item.text()
        if slug is None:
            return None
        found = self.known.get(kind, {}).get(slug)
        if found is None:
            hint = suggestion(slug, self.known.get(kind, {})) if self.known.get(kind) else ""
            item.error(f"There is no {kind} {slug}{hint}")
        return found
