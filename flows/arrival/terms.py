"""What a flow agreed with a source, compiled. The flow's word stands before the source's own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from flows.arrival import aliases, termchecks
from flows.arrival.aliases import USUAL_ALONE, Aliases
from flows.arrival.termchecks import Network
from flows.models import FlowSource
from flows.pricing import service
from flows.pricing.service import Service
from leadops.lib import conditions
from recipients import caps, prices
from recipients.caps import Cap
from recipients.prices import NO_PRICE, Prices
from recipients.vault import Vault

log = logging.getLogger(__name__)

Stored = Callable[[], tuple[Mapping[str, str], Mapping[str, str]]]
"""Gives the stored secrets; asked only where terms name some."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`price` is the fixed one, `prices` what is paid where no service says otherwise.

    `service_problem` says why there is no service although one is configured.
    """

    active: bool
    price: Decimal
    accept: conditions.Rule
    aliases: Aliases = USUAL_ALONE
    require: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    prices: Prices = NO_PRICE
    service: Service | None = None
    service_problem: str = ""
    duplicates: tuple[tuple[str, ...], ...] = ()
    duplicates_within: float = 0.0
    caps: tuple[Cap, ...] = ()


def of(row: FlowSource, stored: Stored) -> Terms:
    """The terms of a source in a flow; raises ValueError where they do not compile."""
    source = row.source
    # Whatever the flow says about the price replaces all that the source says.
    own = row.price is not None or bool(row.prices) or bool(row.pricing)
    by_rules, pricing = (row.prices, row.pricing) if own else (source.prices, source.pricing)
    price = source.price if row.price is None else row.price
    found, problem = _service(row, pricing, stored)
    return Terms(
        active=row.active,
        price=price,
        accept=conditions.parse(row.accept),
        aliases=aliases.compiled(source.aliases, row.aliases),
        require=frozenset((*source.require, *row.require)),
        networks=tuple(map(termchecks.network_of, row.allowed_ips or source.allowed_ips)),
        prices=Prices(price, prices.parse(by_rules)),
        service=found,
        service_problem=problem,
        duplicates=tuple(tuple(group) for group in row.duplicate_match),
        duplicates_within=row.duplicate_within or 0.0,
        caps=caps.parse(row.caps, owner=f"{row.flow_id}:{row.source_id}"),
    )


def _service(
    row: FlowSource, document: Mapping[str, object], stored: Stored
) -> tuple[Service | None, str]:
    """The service; where it cannot be used, leads are taken all the same."""
    if not document:
        return None, ""
    vault = Vault(*stored())
    try:
        id = f"pricing:{row.flow_id}:{row.source_id}"
        return service.compiled(document, id=id, fill=vault.fill, secrets=vault.given), ""
    except ValueError as error:
        log.error("The pricing service of %s cannot be used: %s", row.source.slug, error)
        return None, f"Configuration error: {error}"
