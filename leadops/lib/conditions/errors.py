"""What a rule that cannot be saved says."""

from __future__ import annotations

from collections.abc import Sequence

MOST_MISTAKES = 20


class ConditionError(ValueError):
    """A rule that does not parse. `path` leads to the mistake in its document: `all.1.op`.

    `position` is the character, from 0, of the value at `path` where a pattern goes wrong; None
    where there is no such place. `others` are further mistakes of the same document.
    """

    def __init__(self, message: str, path: str = "", *, position: int | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.position = position
        self.others: tuple[ConditionError, ...] = ()

    @property
    def all(self) -> tuple[ConditionError, ...]:
        """This one and the others, in the document's order."""
        return (self, *self.others)


def together(mistakes: Sequence[ConditionError]) -> ConditionError:
    """The first of them, which brings the others along."""
    first = mistakes[0]
    first.others = tuple(mistakes[1:MOST_MISTAKES])
    return first


def step(path: str, key: str | int) -> str:
    """The path of a part inside the part at `path`."""
    return f"{path}.{key}" if path else str(key)
