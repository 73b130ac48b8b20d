"""What one rendering carries along: the values, and how much it may still use."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from recipients.mapping.errors import RenderError

MAX_OUTPUT: Final = 256 * 1024
"""Characters of all values together."""
MAX_DEPTH: Final = 20
MAX_LOOP: Final = 1000
MAX_SECONDS: Final = 0.25
"""Processor time of one rendering."""


class Loop:
    """Where an {{#each}} stands: `this`, `@index`, `@key`, `@first`, `@last`."""

    __slots__ = ("first", "index", "key", "last", "this")

    def __init__(self, this: Any, index: int, key: str, *, first: bool, last: bool) -> None:
        self.this = this
        self.index = index
        self.key = key
        self.first = first
        self.last = last


class Scope:
    """The values of one rendering. Each rendering has its own; it is never shared."""

    __slots__ = ("_began", "_look_at", "_size", "context", "escape", "loop", "missing")

    def __init__(
        self,
        context: Mapping[str, Any],
        *,
        escape: Callable[[str], str] | None = None,
        missing: dict[str, None] | None = None,
    ) -> None:
        self.context = context
        self.escape = escape
        self.missing = missing
        self.loop: Loop | None = None
        self._began = time.thread_time()
        self._look_at = time.perf_counter() + MAX_SECONDS
        self._size = 0

    def tick(self) -> None:
        """Raises RenderError when the time is over.

        It is this thread's own time: a busy machine is not the mapping's fault. Reading that is
        a system call, so it is looked at only when so much time has passed at all.
        """
        if time.perf_counter() > self._look_at:
            left = self._began + MAX_SECONDS - time.thread_time()
            if left <= 0:
                raise RenderError(f"Rendering takes longer than {int(MAX_SECONDS * 1000)} ms")
            self._look_at = time.perf_counter() + left

    def grow(self, characters: int) -> None:
        """Counts output; raises RenderError when there is too much."""
        self._size += characters
        if self._size > MAX_OUTPUT:
            raise RenderError(f"The result is larger than {MAX_OUTPUT // 1024} KiB")


Evaluate = Callable[[Scope], Any]
"""A compiled expression: the scope in, a value out."""

Write = Callable[[Scope], str]
"""A compiled piece of text."""
