"""A reply becomes a Result, by the recipient's rules and strictly.

Ordered rules decide first, then the success condition, then the status. A reply counts as accepted
only by a rule, by the success condition, or, where neither says what success is, by a 2xx.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from leadops.lib.http.messages import Reply
from recipients.outcomes import Category, Outcome, Result, Scalar
from recipients.responses.conditions import Condition, Test
from recipients.responses.prices import PriceError, price_of, retry_after_of
from recipients.responses.reading import Reading
from recipients.responses.rules import (
    ReaderError,
    ReaderSpec,
    Rule,
    compile_paths,
    compile_rule,
    compile_when,
)
from recipients.responses.selectors import Selector, compile_selector

MAX_REASON: Final = 500
MAX_LEAD_ID: Final = 200
MAX_CAPTURE: Final = 500
MAX_RULES: Final = 100
# Beyond it JSON's numbers are not exact everywhere; ids are not for rounding, and stay texts.
MAX_EXACT: Final = 2**53

_TOO_SLOW: Final = "Reading was stopped: a pattern or path takes too long on this reply"
_NOT_UNDERSTOOD: Final = "The reply was not understood"

Paths = tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What was decided, before reason and values are read."""

    outcome: Outcome
    reason: str = ""
    """Ours, where the buyer gives none."""
    fixed_reason: str = ""
    """A rule's own words, which stand before the buyer's."""
    category: Category | None = None
    details: str = ""


_BY_STATUS: Final[Mapping[int, _Verdict]] = MappingProxyType(
    {
        400: _Verdict(Outcome.INVALID, "Invalid data"),
        401: _Verdict(Outcome.UNAUTHORIZED, "Not authorized"),
        403: _Verdict(Outcome.UNAUTHORIZED, "Access denied"),
        404: _Verdict(Outcome.INVALID, "Address not found", category=Category.CONFIGURATION),
        405: _Verdict(Outcome.INVALID, "Method not allowed", category=Category.CONFIGURATION),
        # The buyer gave up waiting for the request: its side, and worth another try.
        408: _Verdict(Outcome.SERVER_ERROR, "Request timed out at the buyer"),
        409: _Verdict(Outcome.DUPLICATE, "Duplicate lead"),
        413: _Verdict(Outcome.INVALID, "Request too large", category=Category.CONFIGURATION),
        415: _Verdict(Outcome.INVALID, "Format not accepted", category=Category.CONFIGURATION),
        422: _Verdict(Outcome.INVALID, "Invalid data"),
        425: _Verdict(Outcome.SERVER_ERROR, "Too early"),
        429: _Verdict(Outcome.RATE_LIMITED, "Rate limited"),
    }
)
_ERROR_NAMES: Final[Paths] = tuple(
    map(
        compile_selector,
        ("error.message", "errors.*.message", "error", "errors", "message", "reason", "detail"),
    )
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Compiled reply rules of one version; used by any thread."""

    rules: tuple[Rule, ...]
    success: Condition | None
    lead_id: Paths
    price: Paths
    fallback_price: Paths | Decimal
    message: Paths
    reason: Paths
    capture: Mapping[str, Paths]
    keeps_types: bool = False
    """Captures are numbers and booleans where the reply has these; what is blank is left out."""

    @property
    def is_bare(self) -> bool:
        """Whether nothing says what success is, so that every 2xx counts: shown in the console."""
        return self.success is None and not any(
            rule.outcome is Outcome.ACCEPTED for rule in self.rules
        )

    def read(self, reply: Reply, *, now: datetime | None = None) -> Result:
        """The result of a reply; never raises. `now` is for Retry-After dates."""
        reading = Reading(reply)
        verdict = self._verdict(reading)
        price, doubt = self._price(reading, verdict.outcome)
        message = _first(reading, self.message)[:MAX_REASON]
        reason = self._reason(reading, verdict, message)[:MAX_REASON]
        buyer_lead_id = _first(reading, self.lead_id)[:MAX_LEAD_ID]
        captures = self._captures(reading)
        # Last, for anything read before may have taken too long.
        slow = _TOO_SLOW if reading.budget.interrupted else ""
        facts = filter(None, (slow, verdict.details, doubt, _technical(reply, verdict)))
        return Result(
            outcome=verdict.outcome,
            reason=reason,
            category=verdict.category,
            price=price,
            buyer_lead_id=buyer_lead_id,
            message=message,
            retry_after=_retry_after(reply, verdict.outcome, now),
            captures=captures,
            details="; ".join(facts)[:MAX_REASON],
        )

    def _captures(self, reading: Reading) -> dict[str, Scalar]:
        if not self.keeps_types:
            return {n: _joined(reading, paths)[:MAX_CAPTURE] for n, paths in self.capture.items()}
        found = {name: _typed(reading, paths) for name, paths in self.capture.items()}
        return {name: value for name, value in found.items() if value != ""}

    def _verdict(self, reading: Reading) -> _Verdict:
        verdict = self._by_rules(reading) or self._by_success(reading) or _by_status(reading.reply)
        if reading.budget.interrupted and reading.reply.ok:
            # What was not decided might have said the opposite.
            return _Verdict(Outcome.UNREADABLE, _NOT_UNDERSTOOD)
        return verdict

    def _by_rules(self, reading: Reading) -> _Verdict | None:
        for index, rule in enumerate(self.rules):
            if rule.applies(reading):
                ours = _OURS.get(rule.outcome, "")
                return _Verdict(rule.outcome, ours, rule.reason, details=f"By rule {index + 1}")
        return None

    def _by_success(self, reading: Reading) -> _Verdict | None:
        """For a 2xx: accepted, rejected, or unreadable; None for any other status."""
        if not reading.reply.ok:
            return None
        if self.is_bare or (self.success is not None and self.success.holds(reading)):
            return _Verdict(Outcome.ACCEPTED)
        if gap := _gap([self.success], reading):
            return _half_read(gap)
        if self.success is not None and self.success.understands(reading):
            return _Verdict(Outcome.REJECTED, f"Success rule not met: {self.success.saw(reading)}")
        if gap := _gap([r.when for r in self.rules if r.outcome is Outcome.ACCEPTED], reading):
            return _half_read(gap)
        if self.reason and _first(reading, self.reason):
            return _Verdict(Outcome.REJECTED, "Rejected")
        wanted = f"Nothing at {self.success.text}" if self.success else "No rule applies"
        return _Verdict(Outcome.UNREADABLE, _NOT_UNDERSTOOD, details=reading.problem or wanted)

    def _reason(self, reading: Reading, verdict: _Verdict, message: str) -> str:
        """In the buyer's words where there are any: the reason, the message, else ours."""
        if verdict.outcome is Outcome.ACCEPTED:
            return verdict.fixed_reason
        return (
            verdict.fixed_reason
            or _joined(reading, self.reason)
            or message
            or _guess(reading)
            or verdict.reason
        )

    def _price(self, reading: Reading, outcome: Outcome) -> tuple[Decimal | None, str]:
        """The price of an accepted lead, and what was wrong with it."""
        if outcome is not Outcome.ACCEPTED:
            return None, ""
        try:
            price = _price_at(reading, self.price)
            if price is None:
                fallback = self.fallback_price
                price = fallback if isinstance(fallback, Decimal) else _price_at(reading, fallback)
        except PriceError as exc:
            return None, str(exc)
        return price, ""


_OURS: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.REJECTED: "Rejected",
        Outcome.DUPLICATE: "Duplicate lead",
        Outcome.INVALID: "Invalid data",
        Outcome.UNAUTHORIZED: "Not authorized",
        Outcome.RATE_LIMITED: "Rate limited",
        Outcome.SERVER_ERROR: "Server error",
        Outcome.UNREADABLE: _NOT_UNDERSTOOD,
        Outcome.UNAVAILABLE: "The buyer is not available",
        Outcome.UNKNOWN: "The buyer's answer leaves it open",
    }
)


def compile_reader(spec: ReaderSpec, *, keeps_types: bool = False) -> Reader:
    """The reader of a recipient's rules. ReaderError, with the place, where one is wrong.

    `keeps_types`: captures are values as they came, not their texts.
    """
    if len(spec.rules) > MAX_RULES:
        raise ReaderError(f"At most {MAX_RULES} rules", "rules")
    return Reader(
        rules=tuple(compile_rule(rule, f"rules.{i}") for i, rule in enumerate(spec.rules)),
        success=compile_when(spec.success, "success"),
        lead_id=compile_paths(spec.lead_id, "lead_id"),
        price=compile_paths(spec.price, "price"),
        fallback_price=_fallback(spec.fallback_price),
        message=compile_paths(spec.message, "message"),
        reason=compile_paths(spec.reason, "reason"),
        capture={
            name: compile_paths(text, f"capture.{name}") for name, text in spec.capture.items()
        },
        keeps_types=keeps_types,
    )


def _fallback(text: str) -> Paths | Decimal:
    try:
        constant = price_of(text)
    except PriceError as exc:
        if text.strip().startswith("-") and text.strip()[1:2].isdigit():
            raise ReaderError(str(exc), "fallback_price") from exc
        constant = None
    return compile_paths(text, "fallback_price") if constant is None else constant


def _gap(conditions: Iterable[Condition | None], reading: Reading) -> Test | None:
    """The test that finds nothing where the rest of a condition says yes."""
    gaps = (condition.gap(reading) for condition in conditions if condition is not None)
    return next(filter(None, gaps), None)


def _half_read(gap: Test) -> _Verdict:
    """The buyer may have taken it: neither a yes, nor a no after which another may have it."""
    details = f"Nothing at {gap.text}, where the rest of the success rule holds"
    return _Verdict(Outcome.UNREADABLE, _NOT_UNDERSTOOD, details=details)


def _by_status(reply: Reply) -> _Verdict:
    """The outcome of a status that no rule decided; for all but 2xx."""
    status = reply.status
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return _Verdict(
            Outcome.INVALID, f"Refused with status {status}", category=Category.CONFIGURATION
        )
    if 500 <= status < 600:
        return _Verdict(Outcome.SERVER_ERROR, f"Server error ({status})")
    if 300 <= status < 400:
        target = reply.headers.get("location", "")[:200]
        details = f"Redirects are not followed (to {target})" if target else ""
        return _Verdict(Outcome.UNREADABLE, f"Redirected ({status})", details=details)
    return _Verdict(Outcome.UNREADABLE, f"Unexpected status {status}")


def _technical(reply: Reply, verdict: _Verdict) -> str:
    return "" if verdict.outcome is Outcome.ACCEPTED else f"{reply.protocol} {reply.status}"


def _retry_after(reply: Reply, outcome: Outcome, now: datetime | None) -> float | None:
    if outcome not in (Outcome.RATE_LIMITED, Outcome.SERVER_ERROR):
        return None
    return retry_after_of(reply.headers.get("retry-after"), now=now)


def _price_at(reading: Reading, paths: Paths) -> Decimal | None:
    for selector in paths:
        for value in reading.values(selector):
            if (price := price_of(value)) is not None:
                return price
    return None


def _first(reading: Reading, paths: Paths) -> str:
    """The first text that any of the paths finds."""
    return next((text for path in paths for text in reading.texts(path)), "")


def _joined(reading: Reading, paths: Paths) -> str:
    """All different texts that the paths find, as one."""
    return "; ".join(dict.fromkeys(text for path in paths for text in reading.texts(path)))


def _typed(reading: Reading, paths: Paths) -> Scalar:
    """The one number or boolean that the first path with anything finds; else the texts, joined."""
    values = next((found for path in paths if (found := reading.values(path))), [])
    value = values[0] if len(values) == 1 else None
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= MAX_EXACT):
        return value
    return _joined(reading, paths)[:MAX_CAPTURE]


def _guess(reading: Reading) -> str:
    """What an error reply says for itself, where no path says where to look.

    Only outside 2xx: inside, the success rule's own words tell more.
    """
    if reading.reply.ok:
        return ""
    if reading.is_plain_text and len(reading.text) <= MAX_REASON:
        return " ".join(reading.text.split())
    return _guessed(reading.texts, _ERROR_NAMES)


def _guessed(texts: Callable[[Selector], list[str]], paths: Paths) -> str:
    for path in paths:
        found = [text for text in texts(path) if not text.startswith(("{", "["))]
        if found:
            return "; ".join(dict.fromkeys(found))
    return ""
