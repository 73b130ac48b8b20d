"""A table for people and, last, one line of JSON for programs."""

from __future__ import annotations

import json
from typing import Any


def lines(bench: str, figures: dict[str, Any]) -> str:
    """The table of `figures`, then the JSON object on a line."""
    width = max(len(name) for name in figures)
    table = [f"{name.ljust(width)}  {_text(value)}" for name, value in figures.items()]
    return "\n".join([f"bench {bench}", *table, json.dumps({"bench": bench, **figures})])


def _text(value: Any) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
