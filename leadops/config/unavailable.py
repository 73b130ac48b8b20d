"""What the bundle's format knows and this version does not do yet.

Said aloud with line and path instead of being taken for a slip of the pen. When a version learns
one of these, its line goes away from here.
"""

from __future__ import annotations

from typing import Final

# Keys, by their path without places in lists.
KEYS: Final[frozenset[str]] = frozenset()

# Words that a key may have later. Those that a registry already knows are never looked up here.
WORDS: Final[dict[str, frozenset[str]]] = {}

MESSAGE: Final = "not available in this version"
