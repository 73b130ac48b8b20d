"""XPath that can be interrupted.

The engine behind lxml runs an expression to its end. A location path is therefore taken apart at
its slashes and run step by step, from one node after the other, with a look at the time between
them; by the definition of XPath 1.0 that is what the whole path means. Whatever else an expression
holds (functions, comparisons) runs as a whole, and the selectors refuse what could be slow there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from recipients.responses.budget import Budget

_QUOTED: Final = re.compile(r"""("[^"]*"|'[^']*')""")
# Without "." and "..": they may lead to the document itself, which lxml has no node for.
_PLAIN_STEP: Final = re.compile(r"[\w:*@-][\w.:*@-]*")


@dataclass(frozen=True, slots=True)
class XPath:
    """A compiled expression: `branches` of steps where it is one or more location paths."""

    whole: Any
    branches: tuple[tuple[Any, ...], ...] = ()

    def __call__(self, root: etree._Element, budget: Budget) -> list[Any]:
        """What the expression finds, in document order; nothing once the time is spent.

        Raises etree.XPathError where it does not fit the document.
        """
        if not budget.allows():
            return []
        if self.branches:
            return _in_steps(self.branches, root, budget)
        found = self.whole(root)
        return found if isinstance(found, list) else [found]


def compile_xpath(text: str) -> XPath:
    """The compiled expression. Raises etree.XPathError or ValueError where it is none."""
    whole = _compiled(text)
    if text.count("//") + text.count("descendant") < 2:
        return XPath(whole)  # one walk through the document: nothing to interrupt
    branches = tuple(tuple(map(_compiled, steps)) for steps in _branches(text))
    return XPath(whole, branches)


def is_stepwise(text: str) -> bool:
    """Whether the expression is made of location paths alone."""
    return bool(_branches(text))


def _branches(text: str) -> list[list[str]]:
    """The steps of each path; none where not all of it is plain, or two might find the same
    attribute."""
    branches = [_steps(branch.strip()) for branch in _split(text, "|")]
    has_same = len(branches) > 1 and any(map(_is_attribute, branches))
    return branches if all(branches) and not has_same else []


def _compiled(text: str) -> Any:
    return etree.XPath(text, regexp=False, smart_strings=False)


def _steps(path: str) -> list[str]:
    """The steps, each to be run from a node of those before; none where it is no plain path.

    "//a" is kept together as one walk, so that the engine does not list every node before it.
    """
    steps: list[str] = []
    before = ""
    for place, part in enumerate(_split(path, "/")):
        if not part:
            before += "/" if place == 0 or before == "/" else "./" * (before == "") + "/"
        elif place == 0 and part == ".":
            steps.append(part)
        elif not _PLAIN_STEP.fullmatch(_without_filters(part)) or _is_attribute(steps):
            return []
        else:
            steps += _walk(before, part)
            before = ""
    return [] if before else steps


def _walk(before: str, step: str) -> list[str]:
    """The step with what leads to it. Attributes are taken from each element once."""
    if before.endswith("//") and _is_attribute([step]):
        return [f"{before}descendant-or-self::*".replace("//", "/"), step]
    return [before + step]


def _is_attribute(steps: list[str]) -> bool:
    return bool(steps) and steps[-1].startswith(("@", "attribute::"))


def _split(text: str, sign: str) -> Iterator[str]:
    """The parts between signs that stand outside of quotes and brackets."""
    depth, part = 0, ""
    for piece in _QUOTED.split(text):
        if piece[:1] in ("'", '"'):
            part += piece
            continue
        for char in piece:
            depth += (char in "[(") - (char in "])")
            if char == sign and depth == 0:
                yield part
                part = ""
            else:
                part += char
    yield part


def _without_filters(step: str) -> str:
    depth, kept = 0, ""
    for char in "".join(_QUOTED.split(step)[::2]):
        depth += char == "["
        kept += char if depth == 0 else ""
        depth -= char == "]"
    return kept


def _in_steps(
    branches: tuple[tuple[Any, ...], ...], root: etree._Element, budget: Budget
) -> list[Any]:
    order = {node: place for place, node in enumerate(root.iter())}
    found: list[Any] = []
    for steps in branches:
        nodes: list[Any] = [root]
        for step in steps:
            nodes = _next(step, nodes, order, budget)
        found += nodes
    return _ordered(found, order) if len(branches) > 1 else found


def _next(step: Any, nodes: list[Any], order: dict[Any, int], budget: Budget) -> list[Any]:
    found: list[Any] = []
    for node in nodes:
        if not budget.allows():
            return []
        if isinstance(node, etree._Element):
            found += step(node)
    return _ordered(found, order)


def _ordered(found: list[Any], order: dict[Any, int]) -> list[Any]:
    """Each node once, in document order; texts as they come."""
    if not all(isinstance(node, etree._Element) for node in found):
        return found
    return sorted(dict.fromkeys(found), key=lambda node: order.get(node, 0))
