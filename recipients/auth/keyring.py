"""The credentials of a process, in use: tokens, which of two values serves, what was used."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from recipients.auth.tokens import Tokens
from recipients.plan import EndpointPlan, RecipientPlan


@dataclass(frozen=True, slots=True)
class Used:
    """Names of secrets that were used since somebody asked last; `second` with their second
    value, which the recipient took where it had refused the first."""

    names: frozenset[str]
    second: frozenset[str]


@dataclass(slots=True)
class Keyring:
    """One a process; its threads share it. Remembers, and writes nothing."""

    tokens: Tokens = field(default_factory=Tokens)
    _used: set[str] = field(default_factory=set)
    _used_second: set[str] = field(default_factory=set)
    # By endpoint: the plan with the second values that was taken there last. Another plan, because
    # configuration has changed, begins with the first again.
    _preferred: dict[str, RecipientPlan] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prefers_second(self, plan: RecipientPlan, endpoint: EndpointPlan) -> bool:
        return plan.second is not None and self._preferred.get(endpoint.id) is plan.second

    def note(self, plan: RecipientPlan, endpoint: EndpointPlan, *, second: bool) -> None:
        """These secrets were used there, and taken."""
        if not plan.secrets:
            return
        if plan.second is not None:
            self._prefer(plan.second, endpoint, second=second)
        used = self._used_second if second else self._used
        # Mostly they are noted already: no lock for that.
        if not plan.secrets <= used:
            with self._lock:
                used |= plan.secrets

    def _prefer(self, plan: RecipientPlan, endpoint: EndpointPlan, *, second: bool) -> None:
        if second:
            self._preferred[endpoint.id] = plan
        else:
            self._preferred.pop(endpoint.id, None)

    def take_used(self) -> Used:
        """What was noted since this was asked last."""
        with self._lock:
            used = Used(frozenset(self._used | self._used_second), frozenset(self._used_second))
            self._used, self._used_second = set(), set()
        return used

    def give_back(self, used: Used) -> None:
        """For whoever could not write them down."""
        with self._lock:
            self._used |= used.names
            self._used_second |= used.second
