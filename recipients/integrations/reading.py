"""What a recipient says of its replies, over what its integration knows of them."""

from __future__ import annotations

from dataclasses import fields, replace

from recipients.responses import ReaderSpec, RuleSpec

_YES = frozenset({"accepted", "success"})


def reading_over(own: ReaderSpec, usual: ReaderSpec | None) -> ReaderSpec:
    """The recipient's own reading, and where it says nothing its integration's.

    Own rules come first; the integration's errors still read as such behind them. A recipient
    that says what success is says all of it: what the integration takes for a yes is left out.
    """
    if usual is None:
        return own
    rules = usual.rules
    if _says_success(own):
        usual = replace(usual, success="")
        rules = tuple(rule for rule in rules if not _accepts(rule))
    texts = {each.name for each in fields(ReaderSpec)} - {"capture", "rules"}
    return ReaderSpec(
        **{name: getattr(own, name) or getattr(usual, name) for name in texts},
        capture={**usual.capture, **own.capture},
        rules=(*own.rules, *rules),
    )


def _says_success(spec: ReaderSpec) -> bool:
    return bool(spec.success) or any(map(_accepts, spec.rules))


def _accepts(rule: RuleSpec) -> bool:
    return rule.outcome.strip().lower() in _YES
