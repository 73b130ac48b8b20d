"""Secrets that configuration refers to as `${NAME}`: where they are, and who was given which."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from recipients.models import Secret

REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class Vault:
    """Resolves `${NAME}`: the environment first, then the stored secrets.

    Remembers every secret it gave out, so that the recipient's redactor knows it. `seconds` are
    second values of secrets that are being rotated, given out instead when it `takes_second`.
    """

    def __init__(self, stored: Mapping[str, str], seconds: Mapping[str, str] | None = None) -> None:
        self.stored = stored
        self.seconds = seconds or {}
        self.takes_second = False
        self.given: set[str] = set()
        self.names: set[str] = set()

    def fill(self, text: str) -> str:
        """`text` with its references replaced; raises MissingSecret."""
        return REFERENCE.sub(self._value, text)

    def secret(self, text: str) -> str:
        """A credential: all of it is secret, whether written out or referred to."""
        filled = self.fill(text)
        if filled:
            self.given.add(filled)
        return filled

    def _value(self, match: re.Match[str]) -> str:
        name = match.group(1)
        value = os.environ.get(name) or self.stored.get(name)
        if value is None:
            raise MissingSecret(f"${{{name}}} is neither in the environment nor in the secrets")
        self.given.add(value)
        self.names.add(name)
        if second := self.seconds.get(name):
            self.given.add(second)
            return second if self.takes_second else value
        return value


class MissingSecret(ValueError):
    """Configuration names a secret that is nowhere."""


def stored_secrets() -> tuple[dict[str, str], dict[str, str]]:
    """The values by name, and the second values of those that have one."""
    rows = list(Secret.objects.values_list("name", "value", "second_value"))
    return {name: value for name, value, _ in rows}, {name: two for name, _, two in rows if two}
