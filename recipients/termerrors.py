"""What is wrong with terms of a recipient, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadops.lib.conditions import ConditionError


class TermError(ValueError):
    """Terms that cannot be used. `path` leads to the place, counted from 0: `2.when.all.0.op`.
    `others` are further mistakes of the same terms."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.others: tuple[TermError, ...] = ()


def of_rule(error: ConditionError, path: str) -> TermError:
    """What is wrong with a rule that stands at `path` of terms: all of it."""
    first, *others = [
        TermError(each.message, f"{path}.{each.path}" if each.path else path) for each in error.all
    ]
    first.others = tuple(others)
    return first
