"""What stands around an answer: script wrappers, and documents inside of documents.

Old services answer in JSONP, put a guard against foreign scripts before their JSON, send JSON as a
JSON string, or XML as the text of an element (CDATA or escaped). What is inside is what the buyer
means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from lxml import etree

MAX_EMBEDDED: Final = 3
"""Documents inside of one that are looked into."""
_MAX_LOOKED: Final = 2000
_GUARD: Final = re.compile(r"\s*(?:\)\]\}',?|while\s*\(1\);|for\s*\(;;\);|\{\}\s*&&)\s*")
_JSONP: Final = re.compile(
    r"\s*(?:/\*\*/)?\s*(?:typeof\s+[\w.$]{1,80}\s*===?\s*'function'\s*&&\s*)?"
    r"[A-Za-z_$][\w.$]{0,80}\((?P<json>\s*[{\[].*[}\]]\s*)\)\s*;?\s*",
    re.DOTALL,
)
_MARKUP: Final = re.compile(r"<[A-Za-z_?!]")
_MAYBE: Final = re.compile(r"<!\[CDATA\[|&(?:lt|#60|#x3c);|[>:\"'\s][{\[]|\"\s*<", re.IGNORECASE)
_PAIR: Final = re.compile(
    r"\s*(?P<name>[A-Za-z_][\w.\[\]-]{0,60})\s*(?P<sign>[=:])\s*(?P<value>.*)"
)


def unwrapped(text: str) -> str:
    """The text without a script's wrapper or guard around its JSON; as it is where none is."""
    guard = _GUARD.match(text)
    if guard and text[guard.end() : guard.end() + 1] in ("{", "["):
        return text[guard.end() :]
    found = _JSONP.fullmatch(text) if text.rstrip()[-2:].rstrip(";")[-1:] == ")" else None
    return found["json"] if found else text


def may_embed(text: str) -> bool:
    """Whether a document may hold another as a text: quick, and rather too often yes."""
    return _MAYBE.search(text) is not None


def embedded_in_json(value: Any) -> list[str]:
    """The texts in a JSON value that look like documents, at most MAX_EMBEDDED."""
    return _documents(_strings(value))


def embedded_in_tree(root: etree._Element) -> list[str]:
    """The texts of elements that look like documents, at most MAX_EMBEDDED."""
    return _documents(element.text or "" for element in root.iter() if len(element) == 0)


def pairs(text: str) -> dict[str, str]:
    """`status=ok&id=7`, or `name: value` on each line, by name; empty where it isn't all that.

    The first of equal names stands.
    """
    text = text.strip()
    if not text or len(text) > 8_192 or text[0] in "{[<":
        return {}
    one_line = "\n" not in text
    parts = text.split("&") if one_line else text.splitlines()
    found: dict[str, str] = {}
    for part in filter(str.strip, parts):
        pair = _PAIR.fullmatch(part)
        if pair is None or (one_line and pair["sign"] == ":"):
            return {}
        value = pair["value"].strip()
        found.setdefault(pair["name"], unquote_plus(value) if one_line else value)
    return found


def _documents(texts: Iterator[str]) -> list[str]:
    found: list[str] = []
    for text in texts:
        start = text.lstrip()[:2]
        if start[:1] in ("{", "[") or _MARKUP.match(start):
            found.append(text.strip())
            if len(found) == MAX_EMBEDDED:
                break
    return found


def _strings(value: Any) -> Iterator[str]:
    waiting, looked = [value], 0
    while waiting and looked < _MAX_LOOKED:
        each, looked = waiting.pop(), looked + 1
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            waiting += reversed(list(each.values())[:_MAX_LOOKED])
        elif isinstance(each, list):
            waiting += reversed(each[:_MAX_LOOKED])
