"""Prices by rules, of what sources are paid and recipients pay. Pure.

`[{when: {…}, price: 12.00}, {when: {…}, add: -2.00}, {when: {…}, percent: 10}]`: the first rule
with a price that holds says it, else the fixed price counts; then all that hold with `add` or
`percent` change it, in their order. No price falls below zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any, Final

from leadops.lib import conditions, money
from recipients import pricefigures
from recipients.pricefigures import Figure
from recipients.termerrors import TermError, of_rule

MAX_RULES: Final = 100
KINDS: Final = ("price", "add", "percent")
MOST_PERCENT: Final = 1000
NOTHING: Final[Mapping[str, Any]] = {}
UNIT: Final = Decimal("0.0001")
USAGE: Final = "Write {when: rules, price: amount}, or add: amount, or percent: number"

Figures = Mapping[str, Decimal | None]
"""By name; None where there is nothing to divide by, or nothing was measured yet."""


class By(StrEnum):
    """How a price came about."""

    FIXED = "fixed"
    RULE = "rule"
    SERVICE = "service"
    FALLBACK = "fallback"
    TEST = "test"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Change:
    """What a rule, counted from 1, did to a price: added an amount or some percent."""

    rule: int
    kind: str
    amount: Decimal
    whose: str = ""

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = {"rule": self.rule, self.kind: float(self.amount)}
        return {"of": self.whose, **found} if self.whose else found


@dataclass(frozen=True, slots=True)
class Priced:
    """A price and how it came about; `rule` counts from 1, `whose` says on what it stands,
    `reason` why the service's was not taken, `milliseconds` how long it was asked.

    `base` is the price before its `changes`; `figures` are those that its rules read.
    """

    price: Decimal
    by: By = By.FIXED
    rule: int = 0
    reason: str = ""
    milliseconds: int | None = None
    whose: str = ""
    base: Decimal | None = None
    changes: tuple[Change, ...] = ()
    figures: Figures = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """As the record keeps it, the price apart."""
        found: dict[str, Any] = {"by": str(self.by)}
        if self.whose:
            found["of"] = self.whose
        if self.rule:
            found["rule"] = self.rule
        if self.base is not None:
            found["base"] = float(self.base)
            found["changes"] = [change.facts() for change in self.changes]
        if self.figures:
            found["figures"] = {name: _number(each) for name, each in self.figures.items()}
        if self.reason:
            found["reason"] = self.reason
        if self.milliseconds is not None:
            found["ms"] = self.milliseconds
        return found


TEST: Final = Priced(Decimal(0), By.TEST)


def _number(value: Decimal | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


@dataclass(frozen=True, slots=True)
class PriceRule:
    """`kind` says what the amount is: the price, what is added to it, or percent of it."""

    when: conditions.Rule
    price: Decimal
    kind: str = "price"


@dataclass(frozen=True, slots=True)
class Prices:
    """A fixed price, and rules that stand before it or change it. `whose` names on what they
    stand; `otherwise` is asked where neither a rule nor a fixed price says one. `zone` is that of
    the days that are counted."""

    fixed: Decimal | None
    rules: tuple[PriceRule, ...] = ()
    whose: str = ""
    otherwise: Prices | None = None
    zone: str = "UTC"

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Those that its rules read, each once."""
        names = (name for rule in self.rules for name in rule.when.fields)
        own = [pricefigures.parse(n) for n in dict.fromkeys(names) if pricefigures.is_figure(n)]
        others = self.otherwise.figures if self.otherwise else ()
        return tuple(dict.fromkeys((*own, *others)))

    @property
    def most(self) -> Decimal:
        """No lead costs more, whatever its values."""
        named = [rule.price for rule in self.rules if rule.kind == "price"]
        price = max([self.fixed or Decimal(0), *named])
        for rule in self.rules:
            if rule.kind != "price" and rule.price > 0:
                price = _after(price, rule)
        return price

    @property
    def has_rules(self) -> bool:
        return bool(self.rules) or (self.otherwise is not None and self.otherwise.has_rules)

    def of(self, values: Mapping[str, Any], figures: Figures = NOTHING) -> Priced | None:
        """The price of a lead of these values; None where nobody says one."""
        known = {**values, **figures} if figures else values
        found = self._base(known)
        if found is None:
            return None
        return replace(found, figures=dict(figures)) if figures else found

    def _base(self, known: Mapping[str, Any]) -> Priced | None:
        found = self._named(known)
        if found is None:
            found = self.otherwise._base(known) if self.otherwise else None
        return found and self._changed(found, known)

    def _named(self, known: Mapping[str, Any]) -> Priced | None:
        for place, rule in enumerate(self.rules, 1):
            if rule.kind == "price" and rule.when.evaluate(known).passed:
                return Priced(rule.price, By.RULE, place, whose=self.whose)
        return None if self.fixed is None else Priced(self.fixed, whose=self.whose)

    def _changed(self, found: Priced, known: Mapping[str, Any]) -> Priced:
        price, changes = found.price, list(found.changes)
        for place, rule in enumerate(self.rules, 1):
            if rule.kind != "price" and rule.when.evaluate(known).passed:
                price = _after(price, rule)
                changes.append(Change(place, rule.kind, rule.price, self.whose))
        if len(changes) == len(found.changes):
            return found
        base = found.price if found.base is None else found.base
        return replace(found, price=price, base=base, changes=tuple(changes))


def _after(price: Decimal, rule: PriceRule) -> Decimal:
    change = rule.price if rule.kind == "add" else price * rule.price / 100
    changed = (price + change).quantize(UNIT, rounding=ROUND_HALF_EVEN)
    return max(Decimal(0), Decimal(written(changed)))


NO_PRICE: Final = Prices(Decimal(0))
NONE: Final = Prices(None)


def parse(document: Any) -> tuple[PriceRule, ...]:
    """The rules of `[{when: {…}, price: 12.00}, …]`; raises TermError."""
    if not isinstance(document, list):
        raise TermError("Write a list of {when: rules, price: amount}")
    if len(document) > MAX_RULES:
        raise TermError(f"At most {MAX_RULES} prices")
    return tuple(_rule(each, str(place)) for place, each in enumerate(document))


def _rule(document: Any, path: str) -> PriceRule:
    if not isinstance(document, Mapping):
        raise TermError(USAGE, path)
    for key in document:
        if key != "when" and key not in KINDS:
            raise TermError(f"Unknown key {key!r}", f"{path}.{key}")
    kinds = [kind for kind in KINDS if kind in document]
    if not kinds:
        raise TermError("The price is missing", path)
    if len(kinds) > 1:
        raise TermError(f"Either {' or '.join(kinds)}", path)
    [kind] = kinds
    return PriceRule(
        _when(document.get("when"), f"{path}.when"),
        amount(document[kind], f"{path}.{kind}", negative=kind != "price", kind=kind),
        kind,
    )


def _when(document: Any, path: str) -> conditions.Rule:
    try:
        when = conditions.parse(document)
    except conditions.ConditionError as error:
        raise of_rule(error, path) from error
    for name in when.fields:
        if pricefigures.is_figure(name):
            try:
                pricefigures.parse(name)
            except ValueError as error:
                raise TermError(str(error), path) from error
    return when


def amount(value: Any, path: str, *, negative: bool = False, kind: str = "price") -> Decimal:
    try:
        found = money.parse(value, negative=negative)
    except ValueError as error:
        raise TermError(str(error).rstrip("."), path) from error
    if kind == "percent" and not -100 <= found <= MOST_PERCENT:
        raise TermError(f"Between -100 and {MOST_PERCENT} percent", path)
    return found


def written(amount_of: Decimal) -> str:
    """An amount as it is stored: 12 as `12.00`."""
    places = -int(amount_of.normalize().as_tuple().exponent)
    return str(amount_of.quantize(Decimal(1).scaleb(-max(places, 2))))


def normal(document: Any) -> Any:
    """The rules as they are stored; the document itself where it does not parse."""
    try:
        rules = parse(document)
    except TermError:
        return document
    return [{"when": rule.when.document, rule.kind: _kept(rule)} for rule in rules]


def _kept(rule: PriceRule) -> str:
    return f"{rule.price.normalize():f}" if rule.kind == "percent" else written(rule.price)
