"""Helpers on lists and objects. What is no list counts as a list of that one value."""

from __future__ import annotations

from typing import Any

from recipients.mapping.errors import RenderError
from recipients.mapping.helpers.registry import helper
from recipients.mapping.scope import MAX_LOOP, MAX_OUTPUT
from recipients.mapping.values import is_blank, is_list, is_object, text_of


def items_of(value: Any) -> list[Any]:
    """The value as a list: none for blank, one for a single value."""
    if is_blank(value):
        return []
    if is_list(value):
        return list(value)
    return list(value.values()) if is_object(value) else [value]


@helper("join")
def join(value: Any, separator: Any = ", ", /, *more: Any) -> str:
    """The items of a list as one text: `{{join lead.interests "; "}}`. Blank items are left out."""
    items = [*items_of(value), *more]
    if len(items) > MAX_LOOP:
        raise RenderError(f"A list has more than {MAX_LOOP} items")
    texts = [text_of(item) for item in items if not is_blank(item)]
    mark = text_of(separator)
    if sum(map(len, texts)) + len(texts) * len(mark) > MAX_OUTPUT:
        raise RenderError("The joined text is too long")
    return mark.join(texts)


@helper("first")
def first(value: Any, /) -> Any:
    """The first item of a list; blank for none."""
    return next(iter(items_of(value)), None)


@helper("last")
def last(value: Any, /) -> Any:
    """The last item of a list; blank for none."""
    items = items_of(value)
    return items[-1] if items else None


@helper("count", "length")
def count(value: Any, /) -> int:
    """How many items a list has, or how many characters a text."""
    return len(value) if isinstance(value, str) else len(items_of(value))


@helper("list")
def list_(*values: Any) -> list[Any]:
    """A list of the values that are not blank: `{{list lead.phone_1 lead.phone_2}}`."""
    return [value for value in values if not is_blank(value)]


@helper("object")
def object_(**values: Any) -> dict[str, Any]:
    """An object: `{{object type="home" number=lead.phone_1}}`. Blank values are left out."""
    return {name: value for name, value in values.items() if not is_blank(value)}
