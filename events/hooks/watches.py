"""Hooks as they are looked for: their rules compiled, and what an event is to each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.hooks.repetition import Count, Hit, Terms, anew, take
from leadops.lib import durations
from leadops.lib.conditions import ALWAYS, Rule
from leadops.lib.conditions.verdicts import show

MONEY = ("margin", "revenue", "cost", "currency")  # the lead's, at `flow.completed`
SHOWN_FACTS = 6
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Watch:
    """A hook on events. Empty choices leave all; `since`: what is older it does not see."""

    id: str
    slug: str
    name: str
    rule: Rule = ALWAYS
    reset: Rule | None = None
    types: frozenset[str] = frozenset()
    flows: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    tests: bool = False
    per: str = ""
    terms: Terms = field(default_factory=Terms)
    since: datetime | None = None

    @property
    def reads_lead(self) -> bool:
        """Whether it reads values of the lead, apart from its money."""
        names = [*self.rule.fields, *(self.reset.fields if self.reset else ())]
        return any(name.partition(".")[0] not in ("event", *MONEY) for name in names)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as hooks look at it. `lead` and what hangs on it are blank of operations."""

    id: str
    type: str
    at: datetime
    flow_id: str
    lead_id: str
    recipient_id: str
    source_id: str
    test: bool
    reason: str  # without its numbers
    values: Mapping[str, Any] = field(default_factory=dict)

    def subject(self, per: str) -> str | None:
        """What it is counted under; None where it has none of these."""
        if not per:
            return ""
        named = {
            "recipient": self.recipient_id,
            "source": self.source_id,
            "flow": self.flow_id,
            "lead": self.lead_id,
            "reason": self.reason,
        }
        return named[per] or None


@dataclass(frozen=True, slots=True)
class Match:
    """An event that fits a hook, or that starts its count anew."""

    watch: Watch
    seen: Seen
    subject: str
    anew: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.watch.id, self.subject


@dataclass(frozen=True, slots=True)
class Fired:
    match: Match
    hit: Hit

    @property
    def text(self) -> str:
        return explained(self.match, self.hit)


def could(watch: Watch, kind: str, flow_id: str, recipient_id: str, at: datetime) -> bool:
    """Whether an event is worth a look, before anything is read for it."""
    return (
        (not watch.types or kind in watch.types)
        and (not watch.flows or flow_id in watch.flows)
        and (not watch.recipients or recipient_id in watch.recipients)
        and (watch.since is None or at >= watch.since)
    )


def match(watch: Watch, seen: Seen) -> Match | None:
    """What an event is to a hook that it could be for; None: nothing."""
    if seen.test and not watch.tests:
        return None
    subject = seen.subject(watch.per)
    if subject is None:
        return None
    if watch.rule.evaluate(seen.values):
        return Match(watch, seen, subject)
    if watch.reset is not None and watch.reset.evaluate(seen.values):
        return Match(watch, seen, subject, anew=True)
    return None


def fire(
    matches: Iterable[Match], counts: dict[tuple[str, str], Count]
) -> tuple[list[Fired], set[tuple[str, str]]]:
    """What fires, in order; `counts` go on, and the second tells which have changed."""
    fired: list[Fired] = []
    changed: set[tuple[str, str]] = set()
    for each in matches:
        terms = each.watch.terms
        if not terms.remembers:
            if not each.anew:
                fired.append(Fired(each, Hit(1, 0)))
            continue
        count = counts.get(each.key, Count())
        hit = None
        if each.anew:
            after = anew(count)
        else:
            after, hit = take(count, each.seen.at.timestamp(), terms)
        if after != count:
            counts[each.key] = after
            changed.add(each.key)
        if hit is not None:
            fired.append(Fired(each, hit))
    return fired, changed


def facts(rule: Rule, values: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """The single rules that held: the field, what it was, and the rule in words."""
    held = [each for each in rule.explain(values) if each.held]
    return [(each.field, show(each.seen), each.text) for each in held]


def explained(each: Match, hit: Hit) -> str:
    """In words: what was seen, how often, and what a rest kept back."""
    watch, seen = each.watch, each.seen
    found = facts(watch.rule, seen.values)
    said = "; ".join(f"{name} is {value}" for name, value, _ in found[:SHOWN_FACTS])
    more = len(found) - SHOWN_FACTS
    text = said + (f" and {more} more" if more > 0 else "") if said else seen.type
    if watch.terms.times > 1:
        time = durations.text(watch.terms.within)
        text = f"{watch.terms.times} times within {time}, the last: {text}"
    if hit.held:
        text = f"{text} ({hit.held} more while it rested)"
    return text[:LONGEST]
