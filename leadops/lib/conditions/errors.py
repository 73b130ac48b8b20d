"""What a rule that cannot be saved says."""

from __future__ import annotations


class ConditionError(ValueError):
    """A rule that does not parse. `path` leads to the mistake in its document: `all.1.op`."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path


def step(path: str, key: str | int) -> str:
    """The path of a part inside the part at `path`."""
    return f"{path}.{key}" if path else str(key)
