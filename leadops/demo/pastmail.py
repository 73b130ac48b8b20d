"""Mail servers of the past: the simulated buyers', talked to without a network."""

from __future__ import annotations

from typing import Any

from leadops.buyers.mail import GREETING, Conversation


class PastMail:
    """A line to one, as far as who sends mail makes use of a line and its socket."""

    is_cut_off = False

    def __init__(self) -> None:
        self.handed_over = False
        self._talk = Conversation(lambda _letter: None)
        self._answers = bytearray(GREETING)

    @property
    def sock(self) -> Any:
        return self

    # The socket's side

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 0

    def sendall(self, data: bytes) -> None:
        self._answers += self._talk.feed(data)

    def makefile(self, _mode: str) -> PastMail:
        return self

    def readline(self, _limit: int = -1) -> bytes:
        """The next line of the answers; empty where there is none."""
        line, end, rest = self._answers.partition(b"\n")
        self._answers = rest
        return bytes(line + end)

    def close(self) -> None:
        """Nothing is open."""
