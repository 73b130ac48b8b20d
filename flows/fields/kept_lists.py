"""The lists of `data/`: one entry a word; lines that begin with # are comments."""

from __future__ import annotations

from pathlib import Path

_DATA = Path(__file__).parent / "data"


def lines(name: str) -> list[str]:
    """The lines of a list without comments and blank ones."""
    text = (_DATA / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


def words(name: str) -> frozenset[str]:
    return frozenset(word for line in lines(name) for word in line.split())


def spelt_out(word: str) -> list[str]:
    """`yahoo.{com,de}` is yahoo.com and yahoo.de; any other word is itself."""
    before, brace, rest = word.partition("{")
    inner, _, after = rest.partition("}")
    return [f"{before}{part}{after}" for part in inner.split(",")] if brace else [word]
