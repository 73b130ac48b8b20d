"""Single values in the block form: quotes, constants, comments, long and short forms."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from recipients.mapping.errors import MappingError, Source
from recipients.mapping.templates import tags_of

_KEY: Final = re.compile(
    r"""(?P<double>"(?:[^"\\]|\\.)*")\s*:(?:\s+|$)
    |(?P<single>'(?:[^']|'')*')\s*:(?:\s+|$)
    |(?P<bare>(?!\{\{)[^\s"'][^:{]*?|(?!\{\{)[^\s"'](?:[^:{]|:(?!\s|$))*?)\s*:(?:\s+|$)""",
    re.VERBOSE,
)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'', re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d+)?", re.ASCII)
_WORDS: Final = {"true": "true", "false": "false", "null": "null", "~": "null"}
_LONG: Final = re.compile(r"[|>][+-]?")
# Names of the language that begin as a comment does; no space stands behind their sign.
_SIGNED: Final = r"#(?:text|cdata|json|xml)\s*:(?:\s|$)"
_SIGNED_KEY: Final = re.compile(rf"\s*(?:-\s+)?{_SIGNED}")
_COMMENT: Final = re.compile(r"\s#")


def is_comment(line: str) -> bool:
    """Whether the whole line is a comment."""
    return line.lstrip().startswith("#") and not _SIGNED_KEY.match(line)


def has_key(text: str) -> bool:
    """Whether a list item's text is a key with a value."""
    return _KEY.match(text) is not None


def split_key(source: Source) -> tuple[str, str, int]:
    """The key, the value's text and where that begins. MappingError where there is no key."""
    found = _KEY.match(source.text)
    if found is None:
        if source.text.startswith("{{"):
            raise source.error("A line is a key and a value: the key is missing")
        raise source.error("A line is a key, a colon and a value")
    text = found["double"] or found["single"] or found["bare"]
    key = text if found["bare"] else _unquoted(text, source)
    if not key.strip():
        raise source.error("The key is empty")
    return key, source.text[found.end() :].strip(), found.end()


def end_of_content(source: Source) -> int:
    """Where the line's comment begins, else its end."""
    text = source.text
    signed = _SIGNED_KEY.match(text)
    starts = [found.start() for found in _COMMENT.finditer(text, signed.end() - 1 if signed else 0)]
    if not starts:
        return len(text)
    try:
        spans = [(tag.opens, tag.closes) for tag in tags_of(source)]
    except MappingError:
        spans = [(tag.opens, tag.closes) for tag in tags_of(Source(text[: starts[0]], source.line))]
    spans += [found.span() for found in re.finditer(r"(?<=[:\s])(?:\"[^\"]*\"|'[^']*')", text)]
    outside = (at for at in starts if not any(begin <= at < end for begin, end in spans))
    return next(outside, len(text))


def is_long(value: str) -> bool:
    """Whether the value stands on the lines that follow (`|` or `>`)."""
    return _LONG.fullmatch(value) is not None


def join_long(sign: str, lines: list[str]) -> str:
    """The text of a long value: `|` keeps its line breaks, `>` makes them spaces."""
    while lines and not lines[-1].strip():
        lines.pop()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    text = (" " if sign[0] == ">" else "\n").join(line[margin:].rstrip() for line in lines)
    return text + "\n" if text and sign == "|" else text


def is_flow(value: str) -> bool:
    """Whether the value is an object or a list on one line."""
    return value.startswith("[") or (value.startswith("{") and not value.startswith("{{"))


def read_flow(source: Source) -> Any:
    """An object or a list on one line; MappingError where it is none."""
    try:
        return yaml.safe_load(source.text)
    except yaml.YAMLError as exc:
        raise source.error(
            "Not a list or an object: put values with braces in quotes, or the whole value"
        ) from exc


def read(source: Source) -> Source:
    """A value as a template: quotes taken off, constants as `{{1}}`, the rest as it stands."""
    text = source.text
    if text[0] in "\"'" and len(text) > 1 and text[-1] == text[0] and _is_quoted(text):
        return Source(_unquoted(text, source), source.line, source.column + 1)
    word = _WORDS.get(text.lower())
    if word or _NUMBER.fullmatch(text):
        return Source(f"{{{{{word or text}}}}}", source.line, source.column - 2)
    return source


def _is_quoted(text: str) -> bool:
    """Whether the outer quotes are one pair; quotes in braces do not count."""
    quote, inner = text[0], text[1:-1]
    try:
        for tag in reversed(list(tags_of(Source(inner)))):
            inner = inner[: tag.opens] + inner[tag.closes :]
    except MappingError:
        pass  # the braces hold escaped quotes; those are judged below
    escaped = r"\\." if quote == '"' else "''"
    return quote not in re.sub(escaped, "", inner)


def _unquoted(text: str, source: Source) -> str:
    if not _QUOTED.fullmatch(text):
        return text[1:-1]  # quotes within the braces: no YAML, but clear
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise source.error("The text in quotes is wrong: write a backslash twice") from exc
    if not isinstance(loaded, str):
        raise source.error("A quoted value is a text")
    return loaded
