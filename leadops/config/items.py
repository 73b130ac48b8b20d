"""A node at its path in the file: how the sections look at what was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from leadops.config.nodes import Node
from leadops.config.problems import Problems, suggestion
from leadops.config.references import REFERENCE, Lookup

_PLACE = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class File:
    """What all items of one file share. `notes` are said to the person, and stop nothing."""

    name: str
    lookup: Lookup
    problems: Problems = field(default_factory=Problems)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Item:
    node: Node
    file: File
    path: str = ""
    line: int = 0

    @property
    def at(self) -> int:
        return self.line or self.node.line

    def error(self, message: str, *, line: int = 0) -> None:
        self.file.problems.add(line or self.at, self.path, message)

    def expected(self, what: str) -> None:
        self.error(f"Expected {what}, found {self.node.kind}")

    def child(self, key: str) -> Item:
        node = self.node.value[key]
        return Item(node, self.file, f"{self.path}.{key}" if self.path else key)

    def key_line(self, key: str) -> int:
        return self.node.key_lines.get(key, self.node.line)

    def pairs(self) -> Iterator[tuple[str, Item]]:
        """The entries of an object; reports what is none."""
        if not isinstance(self.node.value, dict):
            self.expected("an object of keys and values")
            return
        for key in self.node.value:
            yield key, self.child(key)

    def elements(self) -> list[Item]:
        """The entries of a list; reports what is none."""
        if not isinstance(self.node.value, list):
            self.expected("a list")
            return []
        return [
            Item(node, self.file, f"{self.path}[{index}]")
            for index, node in enumerate(self.node.value)
        ]

    def entries(self, known: Iterable[str]) -> dict[str, Item]:
        """The entries of an object whose keys are `known`, others reported; nulls left out."""
        words = list(known)
        taken = {}
        for key, item in self.pairs():
            if key not in words:
                self._unknown(key, item, words)
            elif item.node.value is not None:
                taken[key] = item
        return taken

    def _unknown(self, key: str, item: Item, known: list[str]) -> None:
        item.error(f"Unknown key{suggestion(key, known)}", line=self.key_line(key))

    def required(self, key: str) -> None:
        self.error(f"The key {key} is missing")

    def text(self) -> str | None:
        """A text as it is written, numbers in their own spelling; None (reported) for others."""
        if isinstance(self.node.value, bool | dict | list) or self.node.value is None:
            self.expected("a text")
            return None
        return self.node.text

    def filled(self, text: str) -> str:
        """`text` with the values of its references; raises Missing."""
        return self.file.lookup.fill(text) if "${" in text else text

    def readable(self, text: str) -> str:
        """`text` filled, for what is stored readable: the person is told. Raises Missing."""
        for name in dict.fromkeys(REFERENCE.findall(text)):
            self.file.notes.append(
                f"{self.path}: the value of ${{{name}}} is stored readable here; "
                "headers and auth keep it secret"
            )
        return self.filled(text)

    def plain(self, *, keep: bool = False) -> Any:
        """The value as Python has it, references filled in or kept; raises Missing."""
        value = self.node.value
        if isinstance(value, dict):
            return {key: self.child(key).plain(keep=keep) for key in value}
        if isinstance(value, list):
            return [item.plain(keep=keep) for item in self.elements()]
        if not isinstance(value, str):
            return value
        return self.file.lookup.keep(value) if keep else self.readable(value)

    def saying(self, text: str, *, line: int = 0) -> Item:
        """An item at the same path that says `text`: for what a key or another item implies."""
        return Item(Node(text, line or self.at, text), self.file, self.path)

    def descend(self, steps: Iterable[str | int]) -> Item:
        """The item that these steps lead to, as far as they lead."""
        item = self
        for step in steps:
            value = item.node.value
            if isinstance(value, dict) and str(step) in value:
                item = item.child(str(step))
            elif isinstance(value, list) and str(step).isdigit() and int(step) < len(value):
                item = item.elements()[int(step)]
            else:
                break
        return item
