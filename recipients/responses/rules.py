"""The rules of a recipient's `response`, as written and compiled at save."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from leadops.lib import patterns
from recipients.outcomes import Outcome
from recipients.responses.conditions import Condition, ConditionError, compile_condition
from recipients.responses.reading import Reading
from recipients.responses.selectors import Selector, SelectorError, compile_selector


class ReaderError(ValueError):
    """A rule cannot be used. `path` names it, places counted from 0: "rules.2.matches"."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One ordered rule as written: all that is given must hold, then the outcome is this.

    `status` reads 200, 5xx, 200-299 or several with commas; `header` a name, or `name: text`.
    """

    outcome: str
    status: str = ""
    contains: str = ""
    matches: str = ""
    when: str = ""
    header: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """All of `response` as written. `fallback_price` is a path or a number."""

    success: str = ""
    lead_id: str = ""
    price: str = ""
    fallback_price: str = ""
    message: str = ""
    reason: str = ""
    capture: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[RuleSpec, ...] = ()


def spec_of(document: Mapping[str, Any]) -> ReaderSpec:
    """The spec of a bundle's `response`. ReaderError for unknown keys and wrong kinds."""
    values = dict(document)
    rules, capture = values.pop("rules", None) or (), values.pop("capture", None) or {}
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise ReaderError("Rules are a list", "rules")
    if not isinstance(capture, Mapping):
        raise ReaderError("Captures are names with paths", "capture")
    known = {each.name for each in fields(ReaderSpec)} - {"rules", "capture"}
    return ReaderSpec(
        **_texts(values, known, ""),
        capture=_texts(capture, set(map(str, capture)), "capture."),
        rules=tuple(_rule_spec(rule, f"rules.{index}") for index, rule in enumerate(rules)),
    )


def _rule_spec(rule: Any, path: str) -> RuleSpec:
    if not isinstance(rule, Mapping):
        raise ReaderError("A rule is an object of conditions and an outcome", path)
    texts = _texts(rule, {each.name for each in fields(RuleSpec)}, f"{path}.")
    if not texts.get("outcome"):
        raise ReaderError("The outcome is missing", f"{path}.outcome")
    return RuleSpec(**texts)


def _texts(values: Mapping[Any, Any], known: set[str], prefix: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in values.items():
        if name not in known:
            raise ReaderError(f"Unknown key {name!r}", f"{prefix}{name}")
        if isinstance(value, list | Mapping):
            raise ReaderError("A text is expected", f"{prefix}{name}")
        texts[str(name)] = "" if value is None else str(value)
    return texts


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule."""

    outcome: Outcome
    reason: str
    statuses: tuple[range, ...]
    contains: str
    matches: patterns.Pattern | None
    when: Condition | None
    header: tuple[str, str] | None

    def applies(self, reading: Reading) -> bool:
        """Whether everything that the rule asks holds for the reply."""
        if self.outcome is Outcome.ACCEPTED and not reading.reply.ok:
            return False  # a reply outside 2xx is never success
        if self.statuses and not any(reading.reply.status in each for each in self.statuses):
            return False
        if self.contains and self.contains not in reading.text:
            return False
        return (
            (self.header is None or _header_holds(self.header, reading))
            and (self.matches is None or reading.matches(self.matches))
            and (self.when is None or self.when.holds(reading))
        )


def _header_holds(header: tuple[str, str], reading: Reading) -> bool:
    name, wanted = header
    value = reading.reply.headers.get(name)
    return value is not None and wanted in value


_SYNONYMS: Final = {"success": Outcome.ACCEPTED, "failure": Outcome.REJECTED}
_STATUS: Final = re.compile(r"(?P<class>[1-5])xx|(?P<low>[1-5]\d\d)(?:\s*-\s*(?P<high>[1-5]\d\d))?")
_HEADER: Final = re.compile(r"(?P<name>[\w!#$%&'*+.^`|~-]+)\s*(?:[:=]\s*(?P<value>.+))?", re.ASCII)


def compile_rule(spec: RuleSpec, path: str) -> Rule:
    """The compiled rule; ReaderError with the place of what is wrong."""
    if not any((spec.status, spec.contains, spec.matches, spec.when, spec.header)):
        raise ReaderError("The rule has no condition", path)
    outcome = _outcome(spec.outcome, f"{path}.outcome")
    statuses = _statuses(spec.status, f"{path}.status")
    if outcome is Outcome.ACCEPTED and statuses and not any(_has_success(s) for s in statuses):
        raise ReaderError("A reply outside 2xx is never accepted", f"{path}.status")
    return Rule(
        outcome=outcome,
        reason=spec.reason,
        statuses=statuses,
        contains=spec.contains,
        matches=_pattern(spec.matches, f"{path}.matches"),
        when=compile_when(spec.when, f"{path}.when"),
        header=_header(spec.header, f"{path}.header"),
    )


def _outcome(word: str, path: str) -> Outcome:
    known = [each for each in Outcome if each is not Outcome.SKIPPED]
    text = word.strip().lower()
    found = _SYNONYMS.get(text) or next((each for each in known if each == text), None)
    if found is None:
        raise ReaderError(f"Unknown outcome {word!r}: use {', '.join(known)}", path)
    return found


def _statuses(text: str, path: str) -> tuple[range, ...]:
    ranges: list[range] = []
    for part in filter(None, map(str.strip, str(text).lower().split(","))):
        found = _STATUS.fullmatch(part)
        if found is None:
            raise ReaderError(f"{part!r} is no status: write 200, 5xx or 200-299", path)
        low = int(found["class"]) * 100 if found["class"] else int(found["low"])
        high = low + 99 if found["class"] else int(found["high"] or low)
        if high < low:
            raise ReaderError(f"{part!r} ends before it begins", path)
        ranges.append(range(low, high + 1))
    return tuple(ranges)


def _has_success(statuses: range) -> bool:
    return any(200 <= status < 300 for status in statuses)


def _pattern(text: str, path: str) -> patterns.Pattern | None:
    if not text:
        return None
    try:
        patterns.check(text)
        return patterns.compile(text)
    except patterns.PatternError as exc:
        raise ReaderError(exc.message, path) from exc


def _header(text: str, path: str) -> tuple[str, str] | None:
    if not text.strip():
        return None
    found = _HEADER.fullmatch(text.strip())
    if found is None:
        raise ReaderError("A header is its name, or `name: text`", path)
    return found["name"].lower(), (found["value"] or "").strip("\"' ")


def compile_when(text: str, path: str) -> Condition | None:
    """The compiled condition, None for no text; ReaderError where it is wrong."""
    if not text.strip():
        return None
    try:
        return compile_condition(text)
    except ConditionError as exc:
        raise ReaderError(str(exc), path) from exc


def compile_paths(text: str, path: str) -> tuple[Selector, ...]:
    """The selectors of a text: one, or several with ` | ` between; ReaderError."""
    if not text.strip():
        return ()
    is_one = text.strip().startswith(("/", "(", "regex:"))
    try:
        return tuple(map(compile_selector, [text] if is_one else text.split(" | ")))
    except SelectorError as exc:
        raise ReaderError(str(exc), path) from exc
