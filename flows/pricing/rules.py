"""Prices by rules: the first rule that holds says the price, else the fixed one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from flows.pricing.errors import TermError
from leadops.lib import conditions, money

MAX_RULES: Final = 100


class By(StrEnum):
    """How a price came about."""

    FIXED = "fixed"
    RULE = "rule"
    SERVICE = "service"
    FALLBACK = "fallback"
    TEST = "test"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Priced:
    """A price and how it came about; `rule` counts from 1, `reason` says why the service's was
    not taken, `milliseconds` how long it was asked."""

    price: Decimal
    by: By = By.FIXED
    rule: int = 0
    reason: str = ""
    milliseconds: int | None = None

    def facts(self) -> dict[str, Any]:
        """As the record keeps it, the price apart."""
        found: dict[str, Any] = {"by": str(self.by)}
        if self.rule:
            found["rule"] = self.rule
        if self.reason:
            found["reason"] = self.reason
        if self.milliseconds is not None:
            found["ms"] = self.milliseconds
        return found


TEST: Final = Priced(Decimal(0), By.TEST)


@dataclass(frozen=True, slots=True)
class PriceRule:
    when: conditions.Rule
    price: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    fixed: Decimal
    rules: tuple[PriceRule, ...] = ()

    def of(self, values: Mapping[str, Any]) -> Priced:
        for place, rule in enumerate(self.rules, 1):
            if rule.when.evaluate(values).passed:
                return Priced(rule.price, By.RULE, place)
        return Priced(self.fixed)


NO_PRICE: Final = Prices(Decimal(0))


def parse(document: Any) -> tuple[PriceRule, ...]:
    """The rules of `[{when: {…}, price: 12.00}, …]`; raises TermError."""
    if not isinstance(document, list):
        raise TermError("Write a list of {when: rules, price: amount}")
    if len(document) > MAX_RULES:
        raise TermError(f"At most {MAX_RULES} prices")
    return tuple(_rule(each, str(place)) for place, each in enumerate(document))


def _rule(document: Any, path: str) -> PriceRule:
    if not isinstance(document, Mapping):
        raise TermError("Write {when: rules, price: amount}", path)
    for key in document:
        if key not in ("when", "price"):
            raise TermError(f"Unknown key {key!r}", f"{path}.{key}")
    if "price" not in document:
        raise TermError("The price is missing", path)
    try:
        when = conditions.parse(document.get("when"))
    except conditions.ConditionError as error:
        inner = f"{path}.when.{error.path}" if error.path else f"{path}.when"
        raise TermError(error.message, inner) from error
    return PriceRule(when, amount(document["price"], f"{path}.price"))


def amount(value: Any, path: str) -> Decimal:
    try:
        return money.parse(value)
    except ValueError as error:
        raise TermError(str(error).rstrip("."), path) from error


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
    return [{"when": rule.when.document, "price": written(rule.price)} for rule in rules]
