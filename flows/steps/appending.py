"""What an enhancement step appends to leads: names, where each stands in the reply, who sees it.

Pure. `{carrier: carrier.name, score: {path: risk.score, privacy: personal}}` is how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from recipients.mapping.paths import LOOP_ROOTS, ROOTS
from recipients.termerrors import TermError

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
PRIVACY: Final = ("plain", "personal", "sensitive")
MOST: Final = 50
NOT_OF_LEADS: Final = ROOTS | LOOP_ROOTS
ROOT: Final = "appended"
# In a snapshot, for what is kept encrypted beside it.
MASK: Final = "•••"


def fields_of(paths: Iterable[str]) -> frozenset[str]:
    """The lead's fields among the paths of mappings; a bare name is one."""
    names = [path.removeprefix("lead.").removesuffix(".raw") for path in paths]
    return frozenset(n for n in names if n.partition(".")[0] not in NOT_OF_LEADS)


@dataclass(frozen=True, slots=True)
class Appended:
    """One value: `path` leads to it in the reply; sensitive ones are in no snapshot."""

    name: str
    path: str
    privacy: str = "plain"


def parse(document: Any) -> tuple[Appended, ...]:
    """The values of a document; raises TermError, with the place."""
    if not isinstance(document, Mapping):
        raise TermError("Write {name: path in the reply}")
    if len(document) > MOST:
        raise TermError(f"At most {MOST} values")
    return tuple(_one(str(name), said) for name, said in document.items())


def key(step: str, name: str) -> str:
    """Under which a lead has the value."""
    return f"{ROOT}.{step}.{name}"


def names(document: Any) -> list[str]:
    """The names of a document, right or wrong."""
    return [str(name) for name in document] if isinstance(document, Mapping) else []


def read_of(paths: Iterable[str], steps: Iterable[str]) -> frozenset[str]:
    """The steps whose values these paths read; who reads a whole lead reads all `steps`."""
    found: set[str] = set()
    for path in paths:
        parts = path.removeprefix("lead.").split(".")
        if parts[0] == ROOT and len(parts) > 1:
            found.add(parts[1])
        elif parts in ([ROOT], ["lead"]):
            found.update(steps)
    return frozenset(found)


def _one(name: str, said: Any) -> Appended:
    if not NAME.match(name):
        raise TermError("A name has letters, digits and underscores, a letter first", name)
    if isinstance(said, str):
        said = {"path": said}
    if not isinstance(said, Mapping):
        raise TermError("Write the path in the reply, or {path, privacy}", name)
    for word in said:
        if word not in ("path", "privacy"):
            raise TermError(f"Unknown key {word!r}; there is: path, privacy", f"{name}.{word}")
    path, privacy = said.get("path"), said.get("privacy", "plain")
    if not isinstance(path, str) or not path.strip():
        raise TermError("Say where it stands in the reply", name)
    if privacy not in PRIVACY:
        raise TermError(f"{privacy!r} is none of: {', '.join(PRIVACY)}", f"{name}.privacy")
    return Appended(name, path.strip(), privacy)
