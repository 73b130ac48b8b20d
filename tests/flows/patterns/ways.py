"""Random ways of leads through every pattern, as fast as Python goes.

    python -m tests.flows.patterns.ways [--ways 1000000] [--seed TEXT]

The contract suite looks at every promise with care and shrinks what it finds; this looks at the one
that money hangs on, a million times: no lead is sold beyond its rule, nobody is turned to twice,
every way ends. Results come in any order, also several before the pattern is asked again; a second
acceptance of an exclusive lead is late, as the engine has it.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from decimal import Decimal
from random import Random

from flows.patterns import (
    PATTERNS,
    Ask,
    Bid,
    Candidate,
    Done,
    Pattern,
    Send,
    Situation,
    Try,
    TryState,
)

RESULTS = (
    TryState.ACCEPTED,
    TryState.DECLINED,
    TryState.SKIPPED,
    TryState.FAILED,
    TryState.UNKNOWN_HOLD,
)
NAMES = "abcdef"
OPENINGS = (0.0, 0.0, 3600.0, 86_400.0)
PRICES = (None, Decimal(10), Decimal(20), Decimal(20), Decimal(40))
MOST_QUESTIONS = 100


class Broken(AssertionError):
    """A pattern broke a promise; the text says which and how to see it again."""


def play(count: int, seed: str) -> int:
    """Send `count` leads their ways; how many were sold. Raises Broken."""
    sold = 0
    patterns = list(PATTERNS.values())
    for number in range(count):
        rng = Random(f"{seed}:{number}")
        pattern = patterns[number % len(patterns)]
        try:
            sold += Way(pattern, rng).to_the_end()
        except Broken as broken:
            raise Broken(f"{pattern.name}, seed {seed}:{number}: {broken}") from None
    return sold


class Way:
    """One lead's."""

    def __init__(self, pattern: Pattern, rng: Random) -> None:
        self.pattern, self.rng = pattern, rng
        self.candidates = [
            Candidate(
                name,
                price=rng.choice(PRICES),
                opens_after=rng.choice(OPENINGS),
                static_bid=rng.choice(PRICES),
            )
            for name in rng.choices(NAMES, k=rng.randrange(6))
        ]
        self.remediation = Candidate("pool") if rng.random() < 0.5 else None
        self.early = rng.random() < 0.5
        self.states: dict[str, TryState] = {}
        self.bids: tuple[Bid, ...] | None = None
        self.age = 0.0
        self.sales = 0

    def to_the_end(self) -> bool:
        """Whether it was sold."""
        for _ in range(MOST_QUESTIONS):
            situation = self._situation()
            decision = self.pattern.decide(situation)
            if isinstance(decision, Done):
                self._check_end(decision, situation)
                return bool(self.sales)
            if isinstance(decision, Send):
                self._send(decision)
            elif isinstance(decision, Ask):
                self._ask(decision)
            elif any(not state.is_final for state in self.states.values()):
                self._results()
            elif decision.until is None or decision.until <= self.age:
                raise Broken("waits for what cannot come")
            else:
                self.age = decision.until
        raise Broken("does not come to an end")

    def _situation(self) -> Situation:
        self.rng.shuffle(self.candidates)  # the order may have moved on
        return Situation(
            tuple(self.candidates),
            self.remediation,
            tuple(Try(name, state) for name, state in self.states.items()),
            self.age,
            self.bids,
            opens_early=self.early,
        )

    def _send(self, decision: Send) -> None:
        if not decision.candidates:
            raise Broken("sends to nobody")
        if self.sales and self.pattern.exclusive:
            raise Broken("sends what is sold")
        for candidate in decision.candidates:
            if candidate.recipient in self.states:
                raise Broken(f"turns to {candidate.recipient} twice")
            self.states[candidate.recipient] = TryState.WAITING

    def _ask(self, decision: Ask) -> None:
        if self.bids is not None:
            raise Broken("asks twice")
        self.bids = tuple(
            Bid(candidate.recipient, self.rng.choice(PRICES))
            for candidate in decision.candidates
            if self.rng.random() < 0.8
        )

    def _results(self) -> None:
        """One result or several come in before the pattern is asked again."""
        outstanding = [name for name, state in self.states.items() if not state.is_final]
        self.rng.shuffle(outstanding)
        for name in outstanding[: self.rng.randint(1, len(outstanding))]:
            state = self.rng.choice(RESULTS)
            if state is TryState.UNKNOWN_HOLD and self.states[name] is state:
                state = TryState.DECLINED  # a review ends for good
            if state is TryState.ACCEPTED and not self._sell():
                continue  # late: the engine records it, the pattern hears of the one sale
            self.states[name] = state

    def _sell(self) -> bool:
        if self.sales and self.pattern.exclusive:
            return False
        self.sales += 1
        return True

    def _check_end(self, decision: Done, situation: Situation) -> None:
        if decision.sold is not (self.sales > 0):
            raise Broken("does not know whether it has sold")
        if situation.open and not (self.sales and self.pattern.exclusive):
            raise Broken("ends while somebody may still accept")
        if self.pattern.exclusive and self.sales > 1:
            raise Broken(f"sold {self.sales} times")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="ways", description=__doc__)
    parser.add_argument("--ways", type=int, default=1_000_000, help="how many (default: a million)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="the same gives the same")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    try:
        sold = play(options.ways, options.seed)
    except Broken as broken:
        sys.stdout.write(f"{broken}\n")
        return 1
    took = time.monotonic() - begun
    sys.stdout.write(
        f"seed {options.seed}: {options.ways:,} ways, {sold:,} sold, none twice, {took:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
