"""Selectors: where in a reply a value stands.

a.b.0  a.*.c  response.price   JSON (or plain XML) path
//result  /reply/id/@code      XPath
css:.error  css:a.next@href    CSS selector, with an attribute if wanted
regex:id=(\\w+)                the first group of a pattern, or the whole match
header:X-Lead-Id               a header of the reply
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cssselect import GenericTranslator
from cssselect import SelectorError as CssError
from lxml import etree

from leadops.lib import patterns
from recipients.responses.budget import Budget
from recipients.responses.xpaths import XPath, compile_xpath, is_stepwise

MAX_SELECTOR: Final = 300
_MAX_STEPS: Final = 12
_COSTLY: Final = re.compile(
    r"\b(?:following|preceding|ancestor)(?:-or-self|-sibling)?\s*::|\bdocument\s*\(|\bre:|\bid\s*\("
)
_QUOTED: Final = re.compile(r"""("[^"]*"|'[^']*')""")
_PREFIX: Final = re.compile(r"(?<![\w:.-])[A-Za-z_][\w.-]*:(?=[A-Za-z_*])")
_ATTRIBUTE: Final = re.compile(r"@([\w:-]+)\s*$")


class SelectorError(ValueError):
    """The selector cannot be used."""


class Kind(Enum):
    """The language a selector is written in."""

    JSON = "json"
    TREE = "tree"
    PATTERN = "pattern"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Selector:
    """A compiled selector. Only the fields of its kind are set."""

    text: str
    kind: Kind
    segments: tuple[str, ...] = ()
    xpath: XPath | None = None
    pattern: patterns.Pattern | None = None

    def match(self, text: str, budget: Budget) -> str | None:
        """The pattern's first group (or whole match) in the text; None for no match in time."""
        found = budget.search(self.pattern, text) if self.pattern is not None else None
        if found is None:
            return None
        groups = found.groups()
        return (
            next((group for group in groups if group is not None), "")
            if groups
            else str(found.group(0))
        )


def compile_selector(text: str) -> Selector:
    """The selector of a text; SelectorError where it is wrong or could run away."""
    text = text.strip()
    if not text:
        raise SelectorError("The path is empty")
    if len(text) > MAX_SELECTOR and not text.startswith("regex:"):
        raise SelectorError(f"The path is longer than {MAX_SELECTOR} characters")
    name, _, rest = text.partition(":")
    if name in _PREFIXES:
        return _PREFIXES[name](text, rest.strip())
    if text.startswith(("/", "(/", "./")) or _XPATH_FUNCTION.match(text):
        return _of_xpath(text, text)
    return _of_json(text)


_XPATH_FUNCTION: Final = re.compile(r"(?:string|count|boolean|normalize-space|number|concat)\(")
_JSON_SEGMENT: Final = re.compile(r"[^.\[\]]+")
_JSON_PATH: Final = re.compile(
    r"(?:\$\.?)?[^\s.\[\]=<>~!\"'()](?:[^.\[\]=<>~!\"'()]|\.(?!\.)|\[(?:-?\d+|\*|\"[^\"]+\"|'[^']+')\])*"
)


def _of_json(text: str) -> Selector:
    if not _JSON_PATH.fullmatch(text) or text.endswith("."):
        raise SelectorError(f"{text!r} is no path: write names with dots between, such as a.b.0")
    segments = [s.strip("\"'") for s in _JSON_SEGMENT.findall(text.removeprefix("$"))]
    if not segments or len(segments) > _MAX_STEPS or segments.count("*") > 3:
        raise SelectorError("The path has too many parts" if segments else "The path is empty")
    return Selector(text, Kind.JSON, segments=tuple(segments))


def _of_xpath(text: str, xpath: str) -> Selector:
    """XPath as staff may write it. One step of it cannot be interrupted, so what could be slow is
    refused: axes that walk the whole document for each node, more than three `//` (two where it
    is more than a path) or four filters. On a body of at most 64 KiB the rest ends soon.
    """
    if _COSTLY.search(xpath):
        raise SelectorError("This XPath uses an axis or a function that is not allowed")
    most = 3 if is_stepwise(xpath) else 2
    if xpath.count("//") + xpath.count("descendant") > most or xpath.count("[") > 4:
        raise SelectorError(f"This XPath is too costly: at most {most} // and 4 filters")
    if (
        xpath.count("/") > 2 * _MAX_STEPS
        or xpath.count("(") > 6
        or _has_costly_filter("".join(_QUOTED.split(xpath)[::2]))
    ):
        raise SelectorError("This XPath is too deep")
    try:
        compiled = compile_xpath(_without_prefixes(xpath))
    except (etree.XPathError, ValueError) as exc:
        raise SelectorError(f"Not a valid XPath: {exc}") from exc
    return Selector(text, Kind.TREE, xpath=compiled)


def _without_prefixes(xpath: str) -> str:
    """The XPath without namespace prefixes, as documents are read without them."""
    pieces = _QUOTED.split(xpath)
    return "".join(p if p[:1] in ("'", '"') else _PREFIX.sub("", p) for p in pieces)


def _has_costly_filter(xpath: str) -> bool:
    """Whether a filter, which runs for every node, looks further than the node's own parts."""
    depth, before = 0, ""
    for index, char in enumerate(xpath):
        depth += (char == "[") - (char == "]")
        if depth > 1:
            return True
        if depth and (xpath.startswith(("//", "..", "parent"), index)):
            return True
        if depth and char == "/" and before in "[(,=<>|+- ":
            return True
        before = char
    return False


def _of_css(text: str, css: str) -> Selector:
    attribute = _ATTRIBUTE.search(css)
    base = css[: attribute.start()] if attribute else css
    plain = _QUOTED.sub("", re.sub(r"\[[^\]]*\]|\([^)]*\)", "", base))
    if "~" in plain or "+" in plain:
        raise SelectorError("The CSS signs + and ~ are not supported: they can take for ever")
    if len(re.split(r"(?<![>,\s])\s+(?![>,\s])", plain.strip())) > 3 or plain.count(":") > 4:
        raise SelectorError("The CSS selector has too many parts: use > between some")
    try:
        xpath = GenericTranslator().css_to_xpath(base, prefix="descendant-or-self::")
        if attribute:
            # One set of attributes; a comma in the selector makes several branches.
            xpath = " | ".join(f"{branch}/@{attribute[1]}" for branch in xpath.split(" | "))
        return Selector(text, Kind.TREE, xpath=compile_xpath(xpath))
    except (CssError, etree.XPathError, ValueError) as exc:
        raise SelectorError(f"Not a valid CSS selector: {exc}") from exc


def _of_pattern(text: str, pattern: str) -> Selector:
    try:
        patterns.check(pattern)
        return Selector(text, Kind.PATTERN, pattern=patterns.compile(pattern))
    except patterns.PatternError as exc:
        raise SelectorError(exc.message) from exc


def _of_header(text: str, name: str) -> Selector:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise SelectorError(f"{name!r} is no header's name")
    return Selector(text, Kind.HEADER, segments=(name.lower(),))


_PREFIXES: Final[dict[str, Callable[[str, str], Selector]]] = {
    "regex": _of_pattern,
    "css": _of_css,
    "header": _of_header,
}
