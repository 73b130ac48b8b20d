"""Asking a pricing service, at the door and before anything is stored.

A service that is slow or away must not keep other leads out: few threads wait for services at a
time, and one that failed several times in a row is left alone for some seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from django.conf import settings

from flows.pricing.service import Service
from leadops.lib import money
from leadops.lib.http import Door
from leadops.lib.http.addresses import Network
from recipients.deliver import Attempt, deliver
from recipients.outcomes import Category, Outcome
from recipients.prices import By, Priced
from recipients.responses.prices import PROBLEMS

# Of the web process's 16 threads; waiting answers hold 8 at most.
PLACES: Final = threading.BoundedSemaphore(6)
PLACE_SECONDS: Final = 0.05
FAILURES: Final = 5  # in a row
REST: Final = 5.0  # seconds that a failing service is left alone


class Patience:
    """How often each service failed in a row, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def may_ask(self, id: str) -> bool:
        """Once the rest is over one caller at a time may try."""
        with self._lock:
            until = self._until.get(id, 0.0)
            now = time.monotonic()
            if until > now:
                return False
            if until:
                self._until[id] = now + REST
            return True

    def note(self, id: str, *, good: bool) -> None:
        with self._lock:
            if good:
                self._failures.pop(id, None)
                self._until.pop(id, None)
                return
            self._failures[id] = self._failures.get(id, 0) + 1
            if self._failures[id] >= FAILURES:
                self._until[id] = time.monotonic() + REST


patience = Patience()


def ask(service: Service, context: Mapping[str, Any], *, otherwise: Priced, key: str) -> Priced:
    """The service's price, or its fallback, or `otherwise`, with the reason. Never raises.

    `context` is that of a mapping; `key` the lead's id. Nothing is asked twice.
    """
    if not patience.may_ask(service.endpoint.id):
        return _instead(service, otherwise, "The service failed before; it is asked again soon")
    if not PLACES.acquire(timeout=PLACE_SECONDS):
        return _instead(service, otherwise, "Too many leads wait for prices")
    try:
        attempt = deliver(
            service.plan,
            service.endpoint,
            context,
            attempt=1,
            idempotency_key=key,
            test=False,
            door=_door(tuple(settings.LEADOPS_PRIVATE_NETWORKS)),
        )
    finally:
        PLACES.release()
    well = attempt.reply is not None and attempt.reply.status < 500
    patience.note(service.endpoint.id, good=well)
    milliseconds = round(attempt.seconds * 1000)
    price, problem = _price(service, attempt)
    if price is None:
        return _instead(service, otherwise, problem, milliseconds)
    return Priced(price, By.SERVICE, milliseconds=milliseconds)


@lru_cache(maxsize=2)
def _door(networks: tuple[Network, ...]) -> Door:
    return Door(private_networks=networks, pool_size=8)


def _without_price(details: str) -> str:
    """Which of our words stands in them: they quote what the service said."""
    problem = next((each for each in PROBLEMS if each in details), "")
    return f"The price {problem}" if problem else "No price in the answer"


def _price(service: Service, attempt: Attempt) -> tuple[Decimal | None, str]:
    """The price, or what is wrong with it: in our words, for the record keeps them for ever, and
    the service may well quote the lead."""
    result, reply = attempt.result, attempt.reply
    if result.outcome is not Outcome.ACCEPTED:
        if reply is None:
            ours = result.category is Category.NETWORK and result.details
            return None, ours or result.reason
        no_success = ", which is no success" if 200 <= reply.status < 300 else ""
        return None, f"The service answered {reply.status}{no_success}"
    if result.price is None:
        return None, _without_price(result.details)
    try:
        price = money.parse(result.price)
    except ValueError as error:
        return None, str(error)
    if service.max_price is not None and price > service.max_price:
        return None, f"The price {price} is above {service.max_price}"
    return price, ""


def _instead(
    service: Service, otherwise: Priced, reason: str, milliseconds: int | None = None
) -> Priced:
    """The fallback; without one, what would be paid without the service."""
    fallback = service.fallback
    return Priced(
        otherwise.price if fallback is None else fallback,
        By.FALLBACK,
        rule=otherwise.rule if fallback is None else 0,
        reason=reason,
        milliseconds=milliseconds,
    )
