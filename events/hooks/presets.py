"""Hooks that many want, to begin from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Preset:
    """`initial` are values of a new hook; what it does with them is for people to say."""

    title: str
    text: str
    initial: Mapping[str, Any]


def _is(field: str, value: Any, op: str = "is") -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


PRESETS = {
    "high-value-sold": Preset(
        "High value sold",
        "A lead was sold for more than 100: tag it.",
        {
            "types": ["flow.completed"],
            "when": {
                "all": [_is("event.result", "sold"), _is("revenue", 100, "gt")],
            },
            "per": "lead",
            "cool_down": 0.0,
            "tag": "high-value",
        },
    ),
    "five-failures-in-a-row": Preset(
        "Five failures in a row",
        "Five attempts at one recipient failed technically, with no success between.",
        {
            "types": ["recipient.error", "recipient.delivered"],
            "when": _is("event.type", "recipient.error"),
            "reset": _is("event.type", "recipient.delivered"),
            "per": "recipient",
            "times": 5,
            "within": 3_600.0,
            "cool_down": 1_800.0,
        },
    ),
    "negative-margin": Preset(
        "Negative margin",
        "A lead that was sold cost more than it brought.",
        {
            "types": ["flow.completed"],
            "when": {
                "all": [_is("event.result", "sold"), _is("margin", 0, "lt")],
            },
            "per": "source",
            "cool_down": 900.0,
        },
    ),
    "unusual-rejection-rate": Preset(
        "Unusual rejection rate",
        "A recipient turned away far more in an hour than at that hour of other days.",
        {
            "metric": "rejection_rate",
            "per": "recipient",
            "direction": "above",
            "days": 14,
            "deviations": 3,
            "minimum": 30,
            "cool_down": 10_800.0,
        },
    ),
}
