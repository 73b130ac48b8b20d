"""`${NAME}` in a bundle: kept out of YAML's way, and looked up."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")

# `{token: ${X}}` is no YAML. Characters for private use stand in for the braces while it is
# parsed; the text stays as long as it was, so that lines and columns stay right.
_OPEN, _BRACE, _CLOSE = "\ue000", "\ue001", "\ue002"
_HIDDEN = re.compile(f"{_OPEN}{_BRACE}([A-Z][A-Z0-9_]*){_CLOSE}")
# And those that mark comments while a bundle is written.
PRIVATE = re.compile("[\ue000-\ue004]")


def hide(text: str) -> str:
    return REFERENCE.sub(f"{_OPEN}{_BRACE}\\1{_CLOSE}", text)


def reveal(text: str) -> str:
    return _HIDDEN.sub(r"${\1}", text) if _OPEN in text else text


class Missing(ValueError):
    """A name that is nowhere."""

    def __init__(self, name: str) -> None:
        super().__init__(f"${{{name}}} is neither in the environment nor in the stored secrets")


@dataclass(slots=True)
class Lookup:
    """Finds the value of a name: the environment first, then the stored secrets.

    `standing` holds credentials that were written out in the database, under the names that
    `bundle dump` gives them: a dump loaded where it came from leaves them as they are.
    """

    stored: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    standing: dict[str, str] = field(default_factory=dict, repr=False)
    kept: set[str] = field(default_factory=set)

    def value(self, name: str) -> str:
        """Raises Missing."""
        found = self.environment.get(name) or self.stored.get(name)
        if found is None:
            raise Missing(name)
        return found

    def fill(self, text: str) -> str:
        """`text` with the values of its references; raises Missing."""
        return REFERENCE.sub(lambda match: self.value(match[1]), text)

    def keep(self, text: str) -> str:
        """`text` with its references as they are, each known to have a value; raises Missing."""
        whole = REFERENCE.fullmatch(text)
        if whole and whole[1] in self.standing and not self._has(whole[1]):
            return self.standing[whole[1]]
        for match in REFERENCE.finditer(text):
            self.value(match[1])
            self.kept.add(match[1])
        return text

    def unknown_to_workers(self) -> dict[str, str]:
        """Values of kept references that only this environment is sure to have."""
        found = {name: self.environment.get(name, "") for name in sorted(self.kept)}
        return {n: value for n, value in found.items() if value and value != self.stored.get(n)}

    def _has(self, name: str) -> bool:
        return bool(self.environment.get(name) or self.stored.get(name))


def name_for(*parts: str) -> str:
    """The name that stands for a credential in a dump: `ABC_INSURANCE_TOKEN`."""
    name = re.sub(r"[^A-Z0-9]+", "_", "_".join(parts).upper()).strip("_")
    return name if name[:1].isalpha() else f"R_{name}"
