"""Distribution patterns: given a step's candidates and what became of them so far, what next.

Pure: a pattern is asked again after every result, every restart and every tick, and always answers
from the situation alone. Nothing is remembered between two questions.
"""

from flows.patterns.base import (
    Ask,
    Bid,
    Candidate,
    Decision,
    Done,
    Pattern,
    Send,
    Situation,
    Try,
    TryState,
    Wait,
)
from flows.patterns.orders import Measure, OrderContext, Share
from flows.patterns.registry import ORDERS, PATTERNS

__all__ = [
    "ORDERS",
    "PATTERNS",
    "Ask",
    "Bid",
    "Candidate",
    "Decision",
    "Done",
    "Measure",
    "OrderContext",
    "Pattern",
    "Send",
    "Share",
    "Situation",
    "Try",
    "TryState",
    "Wait",
]
