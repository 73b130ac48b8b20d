"""Helpers on text. Blank gives blank; a number or date is taken as its text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from leadops.lib import patterns
from recipients.mapping.errors import RenderError
from recipients.mapping.helpers.registry import Argument, BadArguments, helper, literal
from recipients.mapping.plainletters import plain_letters
from recipients.mapping.scope import MAX_OUTPUT
from recipients.mapping.values import is_blank, number_of, text_of

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_APOSTROPHE: Final = re.compile(r"(?<=['’])([^\W\d_])(?=[^\W\d_])")


@helper("upper", "uppercase")
def upper(value: Any, /) -> str:
    """The text in capitals: `{{upper lead.state}}` TX."""
    return text_of(value).upper()


@helper("lower", "lowercase")
def lower(value: Any, /) -> str:
    """The text in small letters."""
    return text_of(value).lower()


@helper("title")
def title(value: Any, /) -> str:
    """Each word with a capital: "mary o'neil-smith" becomes "Mary O'Neil-Smith"."""
    return _WORD.sub(
        lambda word: _APOSTROPHE.sub(lambda m: m[1].upper(), word[0].capitalize()), text_of(value)
    )


@helper("capitalize")
def capitalize(value: Any, /) -> str:
    """The first letter as a capital, the rest as it is."""
    text = text_of(value)
    return text[:1].upper() + text[1:]


@helper("trim")
def trim(value: Any, /) -> str:
    """The text without spaces at its ends."""
    return text_of(value).strip()


@helper("squeeze")
def squeeze(value: Any, /) -> str:
    """The text with every run of spaces and line breaks made one space."""
    return " ".join(text_of(value).split())


@helper("replace")
def replace(value: Any, old: Any, new: Any = "", /) -> str:
    """Every `old` replaced by `new`: `{{replace lead.city "St." "Saint"}}`."""
    text, before, after = text_of(value), text_of(old), text_of(new)
    if not before:
        return text
    if len(after) > len(before) and len(text) + text.count(before) * len(after) > MAX_OUTPUT:
        raise RenderError("The replaced text is too long")
    return text.replace(before, after)


def _good_pattern(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    written = literal(arguments[1])
    if not isinstance(written, str):
        raise BadArguments("the pattern must be written out, in quotes")
    try:
        patterns.check(written)
    except patterns.PatternError as exc:
        raise BadArguments(exc.message) from exc


@helper("replace_pattern", prepare=_good_pattern)
def replace_pattern(value: Any, pattern: Any, new: Any = "", /) -> str:
    """Every match of a regular expression replaced: `{{replace_pattern lead.name "[^a-z]" ""}}`."""
    text, after = text_of(value), text_of(new)
    if (len(text) + 1) * (len(after) + 1) > MAX_OUTPUT * 4:
        raise RenderError("The replaced text is too long")
    try:
        return patterns.compile(text_of(pattern)).sub(after, text)
    except patterns.PatternTimeout as exc:
        raise RenderError(str(exc)) from exc


@helper("matches", prepare=_good_pattern)
def matches(value: Any, pattern: Any, /) -> bool:
    """Whether a regular expression is found in the text."""
    try:
        return patterns.compile(text_of(pattern)).search(text_of(value)) is not None
    except patterns.PatternTimeout as exc:
        raise RenderError(str(exc)) from exc


@helper("substring")
def substring(value: Any, start: Any, length: Any = None, /) -> str:
    """Part of the text, counted from 0: `{{substring lead.postal_code 0 5}}`.

    A negative start counts from the end. Without a length, all the rest.
    """
    text, begin = text_of(value), _whole(start)
    begin = max(0, len(text) + begin) if begin < 0 else begin
    return text[begin:] if length is None else text[begin : begin + max(0, _whole(length))]


@helper("left")
def left(value: Any, count: Any, /) -> str:
    """The first `count` characters."""
    return text_of(value)[: max(0, _whole(count))]


@helper("right")
def right(value: Any, count: Any, /) -> str:
    """The last `count` characters."""
    text = text_of(value)
    return text[max(0, len(text) - max(0, _whole(count))) :]


@helper("truncate")
def truncate(value: Any, count: Any, /, *, end: Any = "") -> str:
    """At most `count` characters; `end="…"` stands last, within them, where something was cut."""
    text, most, mark = text_of(value), max(0, _whole(count)), text_of(end)
    return text if len(text) <= most else (text[: max(0, most - len(mark))] + mark)[:most]


@helper("pad_left")
def pad_left(value: Any, width: Any, fill: Any = "0", /) -> str:
    """The text made `width` long by a character before it; blank stays blank."""
    text = text_of(value)
    return text.rjust(_width(width), text_of(fill)[:1] or " ") if text else ""


@helper("pad_right")
def pad_right(value: Any, width: Any, fill: Any = " ", /) -> str:
    """The text made `width` long by a character after it; blank stays blank."""
    text = text_of(value)
    return text.ljust(_width(width), text_of(fill)[:1] or " ") if text else ""


@helper("digits")
def digits(value: Any, /) -> str:
    """The digits of the text and nothing else."""
    return "".join(c for c in text_of(value) if "0" <= c <= "9")


@helper("letters")
def letters(value: Any, /) -> str:
    """The letters of the text and nothing else."""
    return "".join(c for c in text_of(value) if c.isalpha())


@helper("ascii")
def to_ascii(value: Any, /) -> str:
    """The text in plain ASCII: "Zoë Weiß" Zoe Weiss; what has no likeness is left out."""
    return plain_letters(text_of(value))


@helper("concat")
def concat(*values: Any) -> str:
    """All values as one text, nothing between them."""
    return "".join(map(text_of, values))


@helper("split")
def split(value: Any, separator: Any = " ", index: Any = None, /) -> Any:
    """The parts of a text as a list, or the part at `index` (from 0; -1 is the last).

    An index that is not there gives blank.
    """
    text, mark = text_of(value), text_of(separator)
    parts = [part.strip() for part in (text.split(mark) if mark else list(text))]
    if index is None:
        return parts if text else []
    at = _whole(index)
    return parts[at] if -len(parts) <= at < len(parts) else ""


@helper("starts_with")
def starts_with(value: Any, start: Any, /) -> bool:
    """Whether the text begins so, with respect for case."""
    return not is_blank(start) and text_of(value).startswith(text_of(start))


@helper("ends_with")
def ends_with(value: Any, end: Any, /) -> bool:
    """Whether the text ends so, with respect for case."""
    return not is_blank(end) and text_of(value).endswith(text_of(end))


@helper("string", "text")
def string(value: Any, /) -> str:
    """The value as text: a number that the buyer wants in quotes."""
    return text_of(value)


def _whole(value: Any) -> int:
    number = number_of(value)
    return 0 if number is None or abs(number) > MAX_OUTPUT else int(number)


def _width(value: Any) -> int:
    return min(max(0, _whole(value)), 1000)
