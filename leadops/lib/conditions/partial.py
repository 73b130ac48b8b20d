"""Rules on values of which some are not told yet: what fails whatever the missing ones will be.

Kleene's three-valued logic: a single rule whose field is missing is neither held nor failed, and
so is a group that hangs on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadops.lib.conditions.errors import step
from leadops.lib.conditions.rules import Rule, Values, parse
from leadops.lib.conditions.values import is_blank
from leadops.lib.conditions.verdicts import Failure

Held = bool | None
"""None: what is missing decides."""

OURS = "source."  # what is missing under this name is not told later


def ruled_out(rule: Rule, values: Values) -> Failure | None:
    """What fails already; None where the rule holds, or may hold once all is told."""
    if rule.evaluate(values).passed:
        return None
    held = {
        looked.path: looked.held if _is_told(looked.field, looked.seen) else None
        for looked in rule.explain(values)
    }
    found = _deciding(rule.document, "", held)
    return None if found is None else parse(found).evaluate(values).failed


def _is_told(name: str, seen: Any) -> bool:
    return not is_blank(seen) or name.startswith(OURS)


def _deciding(document: Mapping[str, Any], path: str, held: Mapping[str, Held]) -> Any:
    """The first part that fails by itself and so fails the whole; None where none does."""
    if _held(document, path, held) is not False:
        return None
    for index, child in enumerate(document.get("all", ())):
        inside = step(step(path, "all"), index)
        if (found := _deciding(child, inside, held)) is not None:
            return found
    return document


def _held(document: Mapping[str, Any], path: str, held: Mapping[str, Held]) -> Held:
    if "not" in document:
        inner = _held(document["not"], step(path, "not"), held)
        return None if inner is None else not inner
    for word, decides in (("all", False), ("any", True)):
        if word in document:
            inside = step(path, word)
            found = [_held(c, step(inside, i), held) for i, c in enumerate(document[word])]
            return decides if decides in found else None if None in found else not decides
    return held[path]
