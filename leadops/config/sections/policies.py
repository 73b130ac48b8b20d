"""`retry` and `breaker` of a recipient: when it is tried again, when it is left alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, DURATION, INTEGER, NUMBER, Kind, number
from leadops.config.plans import Draft, Plan
from leadops.config.shapes import Key, Shape, default_of
from recipients.models import Recipient, RetryRule
from recipients.outcomes import Outcome
from recipients.retry import DEFAULT_RULES, NO_RETRY, Then

OFF, ON = "off", "on"


def _float(item: Item) -> float | None:
    value = NUMBER.read(item)
    return None if value is None else float(value)


def _share(item: Item) -> Decimal | None:
    """`50%` or `0.5`."""
    text = item.text()
    if text is None:
        return None
    text = item.readable(text).strip()
    percent = text.endswith("%")
    try:
        value = Decimal(text.removesuffix("%").strip())
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ValueError(f"“{text[:40]}” is no share; write 50% or 0.5")
    return value / 100 if percent else value


FLOAT = Kind("number", _float, lambda value: number(Decimal(repr(value))))
SHARE = Kind("share", _share, lambda value: f"{number(Decimal(value) * 100)}%")
FLOAT_SHARE = Kind(
    "share",
    lambda item: None if (share := _share(item)) is None else float(share),
    lambda value: f"{number(Decimal(repr(value)) * 100)}%",
)

RULE = Shape(
    keys=(
        Key("times", INTEGER),
        Key("backoff", DURATION),
        Key("factor", FLOAT),
        Key("max_wait", DURATION),
        Key("jitter", FLOAT_SHARE),
        Key("then"),
    )
)
# Written also where they are the defaults.
ALWAYS = ("times", "backoff", "then")
ALWAYS_OF_BREAKER = ("failures", "of", "wait")
RETRY = (
    Key("timeout_growth", FLOAT, "retry_timeout_growth"),
    Key("max_age", DURATION, "retry_max_age"),
    Key("hold", BOOLEAN, "retry_hold"),
)
BREAKER = (
    Key("enabled", BOOLEAN, "breaker_enabled"),
    Key("failures", SHARE, "breaker_failures"),
    Key("of", INTEGER, "breaker_of"),
    Key("at_least", INTEGER, "breaker_at_least"),
    Key("in_a_row", INTEGER, "breaker_in_a_row"),
    Key("wait", DURATION, "breaker_wait"),
    Key("longest_wait", DURATION, "breaker_longest_wait"),
)


def take_policies(draft: Draft, found: dict[str, Item]) -> None:
    """Set the recipient's own columns of both; rules by outcome are rows, see `read_rules`."""
    _take(draft, "retry", RETRY, _own(found.get("retry"), RETRY))
    breaker = found.get("breaker")
    words = breaker.node.value if breaker is not None else None
    if breaker is not None and words in (OFF, ON):
        _take(draft, "breaker", BREAKER, {})
        draft.put("breaker_enabled", words == ON, breaker)
    else:
        items = Shape(keys=BREAKER).read(breaker) if breaker is not None else {}
        _take(draft, "breaker", BREAKER, items)


def _own(item: Item | None, keys: tuple[Key, ...]) -> dict[str, Item]:
    if item is None or not isinstance(item.node.value, dict):
        return {}
    return {
        key.name: item.child(key.name)
        for key in keys
        if key.name in item.node.value and item.child(key.name).node.value is not None
    }


def _take(draft: Draft, group: str, keys: tuple[Key, ...], found: dict[str, Item]) -> None:
    shape = Shape(keys=tuple(Key(f"{group}.{key.name}", key.kind, key.attribute) for key in keys))
    draft.take(shape, {f"{group}.{name}": item for name, item in found.items()})


def read_rules(plan: Plan, recipient: Draft, item: Item | None) -> None:
    """The rules by outcome, as rows."""
    there = {} if recipient.is_new else {r.outcome: r for r in recipient.obj.retry_rules.all()}
    own = {key.name for key in RETRY}
    wanted = []
    for outcome, each in item.pairs() if item is not None else ():
        if outcome in own:
            continue
        wanted.append(outcome)
        obj = there.get(outcome)
        draft = Draft(
            obj or RetryRule(recipient=recipient.obj, outcome=outcome), each, is_new=obj is None
        )
        line = item.key_line(outcome) if item is not None else 0
        draft.places["outcome"] = each.saying(outcome, line=line)
        given = RULE.read(each)
        draft.take(RULE, given)
        for name, value in _usual(outcome, hold=recipient.obj.retry_hold).items():
            if name not in given:
                draft.put(name, value)
        plan.save(draft)
    plan.delete(rule for outcome, rule in there.items() if outcome not in wanted)


def _usual(outcome: str, *, hold: bool) -> dict[str, Any]:
    """What holds where a rule does not say: as much as without the rule, but that it retries."""
    if outcome not in set(Outcome):
        return {}  # refused elsewhere
    word = Outcome(outcome)
    rule = DEFAULT_RULES.get(word, NO_RETRY)
    then = Then.HOLD if hold and word.is_technical else rule.then
    times = {"times": rule.times} if rule.times else {}
    return {**times, "backoff": rule.backoff, "then": then.value}


def write_policies(obj: Recipient) -> dict[str, Any]:
    """`retry` and `breaker`, short where they are the defaults."""
    retry = _written(obj, RETRY)
    for rule in obj.retry_rules.all():
        retry[rule.outcome] = _written(rule, RULE.keys, ALWAYS)
    breaker: Any = _written(obj, BREAKER, ALWAYS_OF_BREAKER)
    if _written(obj, BREAKER) == {"enabled": False}:
        breaker = OFF
    return {name: found for name, found in (("retry", retry), ("breaker", breaker)) if found}


def _written(obj: Any, keys: tuple[Key, ...], always: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        key.name: key.kind.write(getattr(obj, key.attribute))
        for key in keys
        if key.name in always or getattr(obj, key.attribute) != default_of(obj, key.attribute)
    }
