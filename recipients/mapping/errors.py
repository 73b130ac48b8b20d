"""The two errors of the mapping language, and the text that positions are counted in.

MappingError is raised only while compiling (at save); RenderError only while rendering.
"""

from __future__ import annotations

from dataclasses import dataclass


class MappingError(ValueError):
    """The mapping does not compile. `line` and `column` count from 1; `path` is the row's key."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.path = path

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}"
        return (
            f"{self.message} ({self.path}, {where})" if self.path else f"{self.message} ({where})"
        )


class RenderError(Exception):
    """The mapping could not be rendered with these values: a bound was reached.

    `path` is the key of the row.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Source:
    """A template's text and where it stands in the whole, so that errors point at the mistake."""

    text: str
    line: int = 1
    column: int = 1
    path: str = ""

    def error(self, message: str, offset: int = 0) -> MappingError:
        """A MappingError at this offset of the text."""
        before = self.text[:offset]
        breaks = before.count("\n")
        column = offset - (before.rfind("\n") + 1) + (1 if breaks else self.column)
        return MappingError(message, line=self.line + breaks, column=column, path=self.path)
