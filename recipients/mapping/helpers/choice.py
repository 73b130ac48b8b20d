"""Helpers that choose: defaults, tables, tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recipients.mapping.helpers.registry import Argument, BadArguments, helper, literal
from recipients.mapping.paths import MISSING, find
from recipients.mapping.values import (
    OPERATORS,
    equal,
    is_blank,
    is_list,
    is_object,
    is_true,
    text_of,
)
from recipients.mapping.values import contains as holds


@helper("default", "coalesce")
def default(value: Any, /, *others: Any) -> Any:
    """The first value that is not blank: `{{default lead.phone_2 lead.phone_1 "none"}}`."""
    return next((each for each in (value, *others) if not is_blank(each)), None)


def _good_table(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    entries = arguments[1:]
    if not entries and not set(named) - {"default", "ignore_case"}:
        raise BadArguments('needs a table: lookup lead.state CA="California" TX="Texas"')
    if _written_as_pairs(entries) or len(entries) <= 1 or len(entries) % 2 == 0:
        return
    raise BadArguments('a table is "key=value" texts, or keys and values by turns')


def _written_as_pairs(entries: Sequence[Argument]) -> bool:
    return all(isinstance(literal(each), str) and "=" in literal(each) for each in entries)


@helper("lookup", prepare=_good_table)
def lookup(
    value: Any, /, *entries: Any, default: Any = None, ignore_case: Any = False, **table: Any
) -> Any:
    """What a table has for the value: `{{lookup lead.state CA="California" default=lead.state}}`.

    The table is key=value, "any key=value" in quotes, or keys and values by turns. Not in it:
    the default, or blank. With one list or object in place of the value and a key behind it, the
    item of that key.
    """
    if len(entries) == 1 and not table and (is_object(value) or is_list(value)):
        found = find(value, (text_of(entries[0]),))
        return default if found is MISSING else found
    pairs = [*table.items(), *_pairs(entries)]
    wanted = _key(value, is_true(ignore_case))
    for key, answer in pairs:
        if _key(key, is_true(ignore_case)) == wanted:
            return answer
    return default


def _pairs(entries: Sequence[Any]) -> list[tuple[Any, Any]]:
    if all(isinstance(each, str) and "=" in each for each in entries):
        return [(key, answer) for key, _, answer in (each.partition("=") for each in entries)]
    return list(zip(entries[::2], entries[1::2], strict=False))


def _key(value: Any, ignore_case: bool) -> str:
    text = text_of(value).strip()
    return text.casefold() if ignore_case else text


@helper("if", "choose")
def choose(test: Any, yes: Any, no: Any = None, /) -> Any:
    """One of two values, with its type kept: `{{if (lead.score > 80) 1 2}}`."""
    return yes if is_true(test) else no


def _good_operator(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    if literal(arguments[1]) not in OPERATORS:
        raise BadArguments(f"the operator is one of {' '.join(OPERATORS)}, in quotes")


@helper("compare", prepare=_good_operator)
def compare(left: Any, operator: Any, right: Any, /) -> bool:
    """Whether the comparison holds: `{{compare lead.score ">" 80}}`."""
    return OPERATORS[text_of(operator)](left, right)


@helper("contains")
def contains(container: Any, item: Any, /) -> bool:
    """Whether the list holds the item, or the text the other text, with respect for case."""
    return holds(container, item)


@helper("in", "one_of")
def one_of(value: Any, /, *choices: Any) -> bool:
    """Whether the value is one of these: `{{#if (one_of lead.state "TX" "CA")}}`."""
    return any(
        holds(choice, value) if is_list(choice) else equal(choice, value) for choice in choices
    )


@helper("blank")
def blank(value: Any, /) -> bool:
    """Whether the value is missing, empty or only spaces."""
    return is_blank(value)
