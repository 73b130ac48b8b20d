"""What an enhancement step says, together with what its service says: nothing compiled yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.services.base import Service
from flows.services.registry import SERVICES
from flows.steps import appending
from flows.steps.appending import Appended
from recipients import responses, validation
from recipients.plan import BodyFormat
from recipients.termerrors import TermError

if TYPE_CHECKING:
    from flows.models import Enhancement


@dataclass(frozen=True, slots=True)
class Settings:
    """What a step says together with what its service says, nothing compiled."""

    url: str
    method: str
    format: BodyFormat
    headers: tuple[tuple[str, str], ...]
    send: Mapping[str, Any]
    append: tuple[Appended, ...]
    reading: responses.ReaderSpec


def settings_of(row: Enhancement) -> Settings:
    """The settings of a step's row; raises TermError with the row's attribute as the place."""
    service = SERVICES[row.service]
    given = _given(service, row.send)
    method = row.method or service.method
    append = appending.parse(row.append or service.append)
    return Settings(
        url=row.url or service.filled(service.url, given),
        method=method,
        format=_format(row, service, method),
        headers=tuple(_headers(row, service, given)),
        send=service.document(given) if service.inputs else row.send,
        append=append,
        reading=responses.ReaderSpec(
            success=row.success or service.success,
            reason=row.reason_path or service.reason,
            capture={each.name: each.path for each in append},
            rules=service.rules,
        ),
    )


def _given(service: Service, send: Mapping[str, Any]) -> dict[str, str]:
    """The templates that stand for a service's inputs."""
    if not service.inputs:
        return {}
    known = {each.name: each for each in service.inputs}
    for name, value in send.items():
        if name not in known:
            raise TermError(f"Not taken by {service.label}: {', '.join(known)} are", f"send.{name}")
        if not isinstance(value, str):
            raise TermError("A text is expected", f"send.{name}")
    found = {name: str(send.get(name, each.default)) for name, each in known.items()}
    for name, each in known.items():
        if each.required and not found[name].strip():
            raise TermError(f"{service.label} must be told: {each.help}", f"send.{name}")
    return found


def _format(row: Enhancement, service: Service, method: str) -> BodyFormat:
    if row.format:
        return BodyFormat(row.format)
    of_service = service.format if service.name != "http" or method != "GET" else "query"
    return BodyFormat(of_service)


def _headers(
    row: Enhancement, service: Service, given: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The service's, then the step's own, which replace them by name."""
    theirs = validation.parse_headers(service.filled(service.headers, given))
    own = validation.parse_headers(row.headers)
    names = {name.lower() for name, _ in own}
    yield from (pair for pair in theirs if pair[0].lower() not in names)
    yield from own


def reader_of(settings: Settings) -> responses.Reader:
    """What reads the service's replies: captures are what is appended, as it came."""
    return responses.compile_reader(settings.reading, keeps_types=True)


def check(row: Enhancement) -> None:
    """How the parts fit together, nothing about what is wrong in itself: that is said where it
    stands. Raises TermError with the attribute as its place."""
    try:
        appending.parse(row.append)
    except TermError:
        return
    if row.service not in SERVICES:
        return
    settings = settings_of(row)
    if not settings.url:
        raise TermError("Say where it is asked", "url")
    if not settings.append:
        raise TermError("Say what is appended: {name: path in the reply}", "append")
    service = SERVICES[row.service]
    if service.auth != "none" and row.auth == "none":
        raise TermError(f"{service.label} wants to know who asks: {service.auth}", "auth")
    if row.cache_key and not row.cache_for:
        raise TermError("Say for how long answers are kept", "cache_for")
    try:
        reader_of(settings)
    except responses.ReaderError as error:
        place, _, rest = error.path.partition(".")
        at = {"capture": f"append.{rest}", "reason": "reason_path"}.get(place, place)
        raise TermError(error.message, at) from error
