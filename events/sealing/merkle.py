"""Merkle trees over texts, with the hashes of RFC 6962 (Certificate Transparency), section 2.1.

A leaf's hash is SHA-256 of a zero byte and the text, a node's of a byte of one and its two halves:
no leaf can be passed off as a node. The left half of n leaves is the largest power of two below n,
so an odd leaf is never doubled.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

LEAF, NODE = b"\x00", b"\x01"
EMPTY = sha256(b"").digest()


def leaf_hash(text: bytes) -> bytes:
    return sha256(LEAF + text).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()


class Tree:
    """Grows leaf by leaf; keeps no more than one hash a level, however many there are."""

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[bytes] = []  # of the full subtrees so far, the largest first

    def add(self, hashed: bytes) -> None:
        """Take the next leaf's hash."""
        size, peaks = self.count, self._peaks
        while size & 1:
            hashed = sha256(NODE + peaks.pop() + hashed).digest()
            size >>= 1
        peaks.append(hashed)
        self.count += 1

    def root(self) -> bytes:
        """Of what has been added so far; more may follow."""
        if not self._peaks:
            return EMPTY
        hashed = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            hashed = node_hash(peak, hashed)
        return hashed


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = Tree()
    for hashed in hashes:
        tree.add(hashed)
    return tree.root()


def path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """What must be hashed with the leaf at `index`, in order, to come to the root.

    Raises IndexError where there is no such leaf.
    """
    if not 0 <= index < len(hashes):
        raise IndexError(f"There is no leaf {index} among {len(hashes)}.")
    level, at, found = list(hashes), index, []
    while len(level) > 1:
        if (beside := at ^ 1) < len(level):
            found.append(level[beside])
        # What has no partner goes up as it is: the same tree as by halves of powers of two.
        pairs = [node_hash(*level[each : each + 2]) for each in range(0, len(level) - 1, 2)]
        level, at = pairs + level[len(pairs) * 2 :], at // 2
    return found


def holds(hashed: bytes, index: int, *, count: int, path: Sequence[bytes], root: bytes) -> bool:
    """Is the leaf at `index` of `count` under this root?"""
    if not 0 <= index < count:
        return False
    at, last, rest = index, count - 1, list(path)
    while last:
        if at % 2 or at < last:
            if not rest:
                return False
            beside = rest.pop(0)
            hashed = node_hash(beside, hashed) if at % 2 else node_hash(hashed, beside)
        at, last = at // 2, last // 2
    return not rest and hashed == root
