"""Heads that were published: what holds the end of the chain.

Who can write everything in the database can also write a whole new chain; but not the heads that
others hold. The file of heads and the table `events_head` are looked at in every check, files from
elsewhere when they are given.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from events.models import Head, Seal
from events.sealing.canonical import moment

FILE = "heads.jsonl"
NEWEST = "newest-head.json"
PLACE = "file"


@dataclass(frozen=True, slots=True)
class Published:
    """A head as somebody holds it."""

    n: int
    hash: bytes
    where: str

    def __str__(self) -> str:
        return f"({self.where})"


def path() -> Path:
    """The file of heads, one JSON object a line."""
    return Path(settings.LEADOPS_HOME) / FILE


def line(seal: Seal) -> str:
    """What is published of a seal."""
    return json.dumps(
        {
            "n": seal.n,
            "hash": bytes(seal.hash).hex(),
            "month": f"{seal.month:%Y-%m}",
            "to_tx": str(seal.to_tx),
            "sealed_at": moment(seal.sealed_at),
        }
    )


def append(seal: Seal) -> None:
    """Add a head to the file, for good."""
    _add(line(seal) + "\n")


def _add(text: str) -> None:
    descriptor = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "a") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def note(seal: Seal) -> None:
    """Write the newest seal's head beside the file, whatever the interval: so that the seals since
    the last published head cannot be removed unseen. One that the database no longer has is added
    to the file before it is overwritten."""
    newest = path().with_name(NEWEST)
    _keep(newest)
    fresh = newest.with_suffix(f".{os.getpid()}")
    fresh.write_text(line(seal) + "\n")
    fresh.replace(newest)


def _keep(newest: Path) -> None:
    if not newest.exists():
        return
    text = newest.read_text()
    try:
        held = list(read(newest))
    except ValueError:
        return  # half a line, of a full disk
    if not all(Seal.objects.filter(n=head.n, hash=head.hash).exists() for head in held):
        _add(text)


def heads(problem: Callable[[str], None], *more: Path) -> dict[int, list[Published]]:
    """All that is known, by the seals' numbers; what cannot be read is a problem."""
    found: dict[int, list[Published]] = defaultdict(list)
    for each in (*_of_table(), *_of_files(problem, more)):
        found[each.n].append(each)
    return found


def _of_table() -> Iterator[Published]:
    for head in Head.objects.filter(published_at__isnull=False).order_by("id").iterator():
        yield Published(head.n, bytes(head.hash), f"to {head.place}, {head.published_at:%Y-%m-%d}")


def _of_files(problem: Callable[[str], None], more: tuple[Path, ...]) -> Iterator[Published]:
    ours = (path(), path().with_name(NEWEST))
    files = [file for file in ours if file.exists()]
    for file in (*files, *more):
        try:
            yield from read(file)
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem(f"the heads in {file.name} cannot be read: {error}")


def read(file: Path) -> Iterator[Published]:
    """The heads of a file; raises OSError and ValueError."""
    with file.open() as lines:
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                said: dict[str, Any] = json.loads(text)
                yield Published(int(said["n"]), bytes.fromhex(said["hash"]), f"in {file.name}")
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"line {number} is no head") from error


def last(place: str) -> Head | None:
    """The head that was published there last."""
    there = Head.objects.filter(place=place, published_at__isnull=False)
    return there.order_by("-n").first()


def next_head(n: int) -> int:
    """The first published head from seal `n` on; the last seal where there is none yet."""
    there = Head.objects.filter(n__gte=n, published_at__isnull=False)
    head = there.order_by("n").values_list("n", flat=True).first()
    if head is not None:
        return int(head)
    seal = Seal.objects.only("n").first()
    return seal.n if seal else n
