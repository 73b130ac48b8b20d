"""What is wrong with terms of a recipient, and where."""

from __future__ import annotations


class TermError(ValueError):
    """Terms that cannot be used. `path` leads to the place, counted from 0: `2.when.all.0.op`."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
