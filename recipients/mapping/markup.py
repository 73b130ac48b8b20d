"""Values as XML: keys are elements, a list repeats its element.

`@name` is an attribute, `#text` the text, `#cdata` a text in a CDATA section; `prefix:name` stands
in the namespace that an `@xmlns:prefix` on it or around it gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from recipients.mapping.values import is_list, is_object, text_of

MAX_DEPTH: Final = 32

# Productions 4, 4a and 7 of XML 1.0 and of Namespaces in XML 1.0.
_START: Final = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_PART: Final = rf"[{_START}][{_START}\-.0-9\xb7\u0300-\u036f\u203f-\u2040]*"
_NAME: Final = re.compile(rf"(?:(?P<prefix>{_PART}):)?{_PART}")
# Production 2: what may not stand in a document, not even escaped.
_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL: Final = re.compile("[&<>\r]")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
# RFC 3986 without the forms of ports and hosts; parsers take nothing else for a namespace.
_URI_SIGNS: Final = r"[A-Za-z0-9._~/!$&'()*+,;=-]|%[0-9A-Fa-f]{2}"
_URI: Final = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.-]*:(?:{_URI_SIGNS}|[:?])+|(?:{_URI_SIGNS})+)(?:\#(?:{_URI_SIGNS})*)?"
)
_DECLARES: Final = "@xmlns:"
_ALWAYS: Final = frozenset({"", "xml"})
"""Prefixes that need no declaration."""
_RESERVED: Final = frozenset({"xmlns:xml", "xmlns:xmlns"})


class MarkupError(ValueError):
    """The value cannot be written as XML; the message says what of it."""


def xml_of(name: str, value: Any, *, prefixes: Iterable[str] = ()) -> str:
    """The value as an element of this name, without a declaration.

    Characters that XML does not know are left out of texts. `prefixes` are those that stand
    declared around it. Raises MarkupError for names that are none, prefixes without a namespace,
    and values that nest too deep.
    """
    pieces: list[str] = []
    _element(name, value, pieces, _ALWAYS.union(prefixes), MAX_DEPTH)
    return "".join(pieces)


def xml_text(value: Any) -> str:
    """The value as the text of an element."""
    text = legal(value)
    return _SPECIAL.sub(lambda found: _ENTITIES[found[0]], text) if _SPECIAL.search(text) else text


def xml_attribute(value: Any) -> str:
    """The value as an attribute's, with its quotes."""
    return quoteattr(legal(value))


def legal(value: Any) -> str:
    """The value's text without the characters that XML does not know."""
    text = text_of(value)
    return text if text.isascii() and text.isprintable() else _ILLEGAL.sub("", text)


@lru_cache(maxsize=4096)
def prefix_of(name: str) -> str | None:
    """The prefix of an XML name, "" where it has none; None where it is no name."""
    found = _NAME.fullmatch(name)
    return None if found is None else found["prefix"] or ""


def _element(
    name: str, value: Any, pieces: list[str], prefixes: frozenset[str], depth: int
) -> None:
    if depth < 0:
        raise MarkupError("the value nests too deeply")
    if is_list(value):
        for one in value:
            _element(name, one, pieces, prefixes, depth - 1)
    elif is_object(value):
        _full_element(name, value, pieces, prefixes, depth)
    else:
        _check(name, prefixes)
        pieces.append(f"<{name}>{xml_text(value)}</{name}>")


def _full_element(
    name: str,
    value: Mapping[str, Any],
    pieces: list[str],
    prefixes: frozenset[str],
    depth: int,
) -> None:
    declared = [key[len(_DECLARES) :] for key in value if key.startswith(_DECLARES)]
    prefixes = prefixes.union(declared) if declared else prefixes
    _check(name, prefixes)
    pieces.append(f"<{name}")
    pieces.extend(_attribute(key, one, prefixes) for key, one in value.items() if key[:1] == "@")
    pieces.append(">")
    for key, one in value.items():
        if key == "#text":
            pieces.append(xml_text(one))
        elif key == "#cdata":
            pieces.append(_cdata(one))
        elif key[:1] != "@":
            _element(key, one, pieces, prefixes, depth - 1)
    pieces.append(f"</{name}>")


def _attribute(key: str, value: Any, prefixes: frozenset[str]) -> str:
    name = key[1:]
    if name != "xmlns" and not key.startswith(_DECLARES):
        _check(name, prefixes)
    elif name in _RESERVED or prefix_of(name) is None or not _names(name, legal(value)):
        raise MarkupError(f"{key!r} declares no namespace: write a URI, such as urn:buyer:leads")
    return f" {name}={xml_attribute(value)}"


def _names(declaration: str, uri: str) -> bool:
    """Whether this names a namespace; `xmlns=""` takes one away."""
    return (declaration == "xmlns" and not uri) or _URI.fullmatch(uri) is not None


def _cdata(value: Any) -> str:
    text = legal(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"


def _check(name: str, prefixes: frozenset[str]) -> None:
    prefix = prefix_of(name)
    if prefix is None:
        raise MarkupError(f"{name!r} is not an XML name")
    if prefix not in prefixes:
        raise MarkupError(f"the prefix of {name!r} has no namespace: add @xmlns:{prefix}")
