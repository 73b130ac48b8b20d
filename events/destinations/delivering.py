"""Taking a file to a destination: once, and told plainly how it went.

Nothing is repeated here: whoever asks decides whether and when it asks again, and gives the same
`key` then, so that a file that came over after all is replaced and not doubled.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection
from django.utils import timezone

from events.destinations import kinds, ways
from events.destinations.ways import MB, File, Sent, Undelivered
from events.models import Destination
from leadops.lib.http import Door
from leadops.lib.redact import Redactor
from recipients.secretuse import USED
from recipients.vault import Vault, stored_secrets

log = logging.getLogger(__name__)

TIMEOUT = 300.0  # seconds, and one more for each MB; object stores have it for each part
MAX_NAME = 150
_UNSAFE = re.compile(r"[^\w.@+=,-]+")

__all__ = ["File", "Sent", "Undelivered", "deliver", "safe_name"]


@dataclass(frozen=True, slots=True)
class _Filled:
    """A destination with its references replaced; `names` are those of the secrets used."""

    settings: Mapping[str, Any] = field(repr=False)
    secret: str = field(repr=False)
    names: frozenset[str]
    redactor: Redactor
    second: _Filled | None = None


def deliver(
    destination: Destination,
    name: str,
    content_type: str,
    file: BinaryIO,
    *,
    key: str = "",
    link: str = "",
    title: str = "",
    inline: bool = False,
    door: Door | None = None,
    timeout: float | None = None,
) -> Sent:
    """Take the file there, read from its beginning to its end; raises Undelivered.

    `file` can be sought. `key` names what is sent: the same one for the same file however often it
    is tried; without, the file's name and content. `link` is where else people can have it, for
    mail that the file is too large for; `title` the subject of mail whose destination has none;
    `inline`: a text that is the mail itself, and no attachment of it. The destination's condition
    is noted on its row. Takes as long as the other side does, so not to be called within a
    transaction.
    """
    size = _size(file)
    whole = File(safe_name(name), content_type, file, size, key, link, title, inline)
    if not whole.key:
        whole = whole.with_key(_key_of(destination, whole))
    try:
        sent = _deliver(destination, whole, door, timeout or TIMEOUT + whole.size / MB)
    except Undelivered as error:
        _note(destination, failed=str(error))
        raise
    _note(destination)
    return sent


def safe_name(name: str) -> str:
    """A bare file name: no folder, nothing hidden, nothing that a shell or a URL would read."""
    stem, dot, ending = _UNSAFE.sub("-", name).strip(".-").rpartition(".")
    bare = f"{stem[: MAX_NAME - len(ending) - 1]}{dot}{ending}" if dot else ending[:MAX_NAME]
    if not bare:
        raise ValueError("A file needs a name.")
    return bare


def _deliver(destination: Destination, file: File, door: Door | None, timeout: float) -> Sent:
    if not destination.active:
        raise Undelivered("Destination is switched off", destination.slug, category="configuration")
    filled = _filled(destination)
    now = timezone.now()
    own = door or Door(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=1)
    try:
        return _either(destination, filled, file, ways.Means(own, timeout, now))
    finally:
        if door is None:
            own.close()


def _either(destination: Destination, filled: _Filled, file: File, means: ways.Means) -> Sent:
    """With the second values of secrets where the first are refused, and there are second ones."""
    second = filled.second.secret if filled.second else ""
    try:
        return _once(destination, filled, file, replace(means, second=second))
    except Undelivered as error:
        if filled.second is None or error.category != "authentication":
            raise
        log.info("%s refuses a secret; its second value is tried", destination.slug)
        return _once(destination, filled.second, file, means, second=filled.second.names)


def _once(
    destination: Destination,
    filled: _Filled,
    file: File,
    means: ways.Means,
    *,
    second: frozenset[str] = frozenset(),
) -> Sent:
    file.stream.seek(0)
    try:
        sent = ways.WAYS[destination.kind](filled.settings, filled.secret, file, means)
    except Undelivered as error:
        # What servers say may hold what they were told.
        raise error.redacted(filled.redactor) from error
    except (OSError, ValueError) as error:
        text = filled.redactor.text(str(error))
        raise Undelivered("File cannot be sent", text, category="configuration") from error
    _note_use(filled.names, second)
    return sent


def _filled(destination: Destination) -> _Filled:
    """Raises Undelivered where a secret is nowhere or the settings are wrong."""
    stored, seconds = stored_secrets()
    vault = Vault(stored, seconds)
    try:
        first = _fill(destination, vault)
    except ValueError as error:
        raise Undelivered(
            "Destination cannot be used", str(error), category="configuration"
        ) from error
    if not vault.names & vault.seconds.keys():
        return first
    vault.takes_second = True
    return _with_second(first, destination, vault)


def _fill(destination: Destination, vault: Vault) -> _Filled:
    secret = vault.secret(destination.secret)
    found = kinds.compiled(destination.kind, destination.settings, secret=secret, fill=vault.fill)
    return _Filled(found, secret, frozenset(vault.names), Redactor(vault.given))


def _with_second(first: _Filled, destination: Destination, vault: Vault) -> _Filled:
    try:
        second = _fill(destination, vault)
    except ValueError as error:
        log.error("%s: the second value of a secret cannot be used: %s", destination.slug, error)
        return first
    return _Filled(first.settings, first.secret, first.names, second.redactor, second)


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _key_of(destination: Destination, file: File) -> str:
    """The same for the same file: its name and content, and where it goes."""
    digest = hashlib.sha256()
    while piece := file.stream.read(1 << 20):
        digest.update(piece)
    digest.update(f"\0{file.name}\0{destination.pk}".encode())
    return f"file_{digest.hexdigest()[:32]}"


def _note(destination: Destination, *, failed: str = "") -> None:
    now: datetime = timezone.now()
    row = Destination.objects.filter(pk=destination.pk)
    if failed:
        destination.failed_at, destination.failed_reason = now, failed[:300]
        row.update(failed_at=now, failed_reason=failed[:300])
    else:
        destination.delivered_at, destination.failed_at, destination.failed_reason = now, None, ""
        row.update(delivered_at=now, failed_at=None, failed_reason="")


def _note_use(names: frozenset[str], second: frozenset[str]) -> None:
    if names:
        with connection.cursor() as cursor:
            cursor.execute(USED, [sorted(second), sorted(names)])
