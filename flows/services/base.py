"""What is known of a service beforehand: where it is asked, with what, and how it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recipients.responses import RuleSpec

INPUT = re.compile(r"\{\{\s*input\.(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Input:
    """Something it must be told. `default` is the template that is usual for it."""

    name: str
    help: str
    default: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """A service; every part is what holds where a step says nothing of its own.

    With `inputs` a step's `send` names these alone, and `{{input.x}}` in address, headers and
    document stands for what it gives. Without, a step's `send` is the document itself. `auth` is
    the kind of authentication it wants.
    """

    name: str
    label: str
    url: str = ""
    method: str = "POST"
    format: str = "json"
    headers: str = ""
    auth: str = "none"
    inputs: tuple[Input, ...] = ()
    send: Mapping[str, Any] = field(default_factory=dict)
    append: Mapping[str, Any] = field(default_factory=dict)
    success: str = ""
    reason: str = ""
    rules: tuple[RuleSpec, ...] = ()
    documentation: str = ""
    help: str = ""

    def filled(self, text: str, given: Mapping[str, str]) -> str:
        """A text of this service with a step's own templates in the places of its inputs."""
        return INPUT.sub(lambda match: given.get(match.group(1), ""), text)

    def document(self, given: Mapping[str, str]) -> dict[str, Any]:
        """What is sent; keys whose inputs are all left out are left out."""
        filled: dict[str, Any] = self._document(self.send, given)
        return filled

    def _document(self, node: Any, given: Mapping[str, str]) -> Any:
        if isinstance(node, Mapping):
            parts = {key: self._document(inner, given) for key, inner in node.items()}
            return {key: part for key, part in parts.items() if part not in ("", {})}
        if isinstance(node, list):
            return [self._document(inner, given) for inner in node]
        return self.filled(node, given) if isinstance(node, str) else node
