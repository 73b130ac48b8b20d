"""How a step puts its recipients in order before its pattern is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flows.patterns.base import Candidate


@dataclass(frozen=True, slots=True)
class OrderContext:
    """What an order may look at beside the candidates themselves.

    `seed` is the lead's id: an order that draws lots draws from it, so that the same lead meets
    the same order when it is asked again after a restart.
    """

    seed: str = ""


Order = Callable[[tuple[Candidate, ...], OrderContext], tuple[Candidate, ...]]


def listed(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """As the step lists them."""
    return candidates


def priority(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """The lowest priority number first; the list decides between equals."""
    return tuple(sorted(candidates, key=lambda candidate: candidate.priority))
