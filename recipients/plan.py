"""A recipient, compiled: everything that a delivery needs, as values without a database.

Built by the models when configuration changes, then shared by all threads of a pump.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from leadops.lib.http.messages import Pool, Reply
from leadops.lib.http.tls import Tls
from leadops.lib.redact import Redactor
from recipients.breaker import DEFAULT as DEFAULT_BREAKER
from recipients.breaker import Policy as BreakerPolicy
from recipients.caps import Cap
from recipients.hours import Hours
from recipients.limits import NONE as NO_LIMITS
from recipients.limits import Limits
from recipients.outcomes import Result
from recipients.prices import NONE as NO_PRICES
from recipients.prices import Prices
from recipients.retry import DEFAULT_POLICY, RetryPolicy

if TYPE_CHECKING:
    from leadops.lib.conditions import Rule

# The roots of mappings and templates: lead, source, flow, recipient, now, delivery, …
Context = Mapping[str, Any]
Payload = Mapping[str, Any]


class Text(Protocol):
    """A compiled template; `recipients.mapping.Template` is one.

    `escape` is applied to each value that is written in, not to the template's own text.
    """

    @property
    def is_constant(self) -> bool: ...

    def text(self, context: Context, *, escape: Callable[[str], str] | None = None) -> str: ...


class PayloadMapping(Protocol):
    """A compiled mapping; `recipients.mapping.Mapping` is one."""

    def render(self, context: Context) -> Any: ...


class ReplyReader(Protocol):
    """Compiled response rules; `recipients.responses.Reader` is one.

    `is_bare`: nothing says what success is, so every 2xx counts.
    """

    @property
    def is_bare(self) -> bool: ...

    def read(self, reply: Reply) -> Result: ...


# Types of recipients that pay for leads; the others are the business's own systems.
BUYING = frozenset({"buyer", "partner"})


class EndpointKind(StrEnum):
    PRODUCTION = "production"
    BACKUP = "backup"
    SANDBOX = "sandbox"
    REGIONAL = "regional"
    FALLBACK = "fallback"
    PING = "ping"


class BodyFormat(StrEnum):
    JSON = "json"
    XML = "xml"
    FORM = "form"
    QUERY = "query"
    CSV = "csv"


class AuthKind(StrEnum):
    NONE = "none"
    API_KEY = "api_key"
    BEARER = "bearer"
    BASIC = "basic"
    HEADERS = "headers"
    DIGEST = "digest"
    OAUTH2 = "oauth2"
    JWT = "jwt"
    LOGIN = "login"
    HMAC = "hmac"


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials. `name` is the header's or parameter's for api_key, `place` header or query.

    `options` are the compiled options of the kind. `mark` tells these credentials from all others:
    tokens and challenges are kept by it.
    """

    kind: AuthKind = AuthKind.NONE
    name: str = "X-API-Key"
    username: str = ""
    secret: str = field(default="", repr=False)
    place: str = "header"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    mark: str = ""


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """One way to reach a recipient. `timeout` is in seconds, for the first try.

    `options` are the integration's, compiled. `pool` None: connections like everybody's. `reader`
    is its own where it speaks otherwise than the recipient's rules expect. `ascii` sends
    letters beyond ASCII as their nearest plain ones.
    """

    id: str
    url: Text
    kind: EndpointKind = EndpointKind.PRODUCTION
    integration: str = "http"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    method: str = "POST"
    format: BodyFormat = BodyFormat.JSON
    timeout: float = 10.0
    compress: bool = False
    headers: tuple[tuple[str, Text], ...] = ()
    auth: Auth = Auth()
    xml_root: str = "lead"
    idempotency_header: str = "Idempotency-Key"
    idempotency_template: Text | None = None
    ascii: bool = False
    pool: Pool | None = None
    reader: ReplyReader | None = field(default=None, compare=False)

    @property
    def tls(self) -> Tls | None:
        return self.pool.tls if self.pool else None


@dataclass(frozen=True, slots=True)
class PingPlan:
    """How a recipient bids. `asks` is the recipient as it is asked at `endpoint`: its mapping is
    the part of the lead it is told, its reader finds the bid as price and the bid's id as the
    buyer's lead id. Neither is there of one that always offers its `static_bid`.

    `margin` is the share of its bids that is ours; lower bids than `minimum` are not taken.
    `tells` is the recipient as it is told at `lost` that it lost; None where it is not.
    """

    asks: RecipientPlan | None = None
    endpoint: EndpointPlan | None = None
    tells: RecipientPlan | None = None
    lost: EndpointPlan | None = None
    minimum: Decimal | None = None
    margin: Decimal = Decimal(0)
    static_bid: Decimal | None = None


class BatchFormat(StrEnum):
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class BulkReplyReader(Protocol):
    """Compiled reading of replies to several leads; `recipients.responses.BulkReader` is one."""

    def answers(self, reply: Reply, keys: Sequence[str]) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """How a recipient's leads are gathered: sent when there are `count`, or when the first has
    waited for `age` seconds.

    `name` is the file's, without ending. `wrapper` is the key that a JSON list stands under, ""
    for a bare list. `guards` keeps spreadsheets from taking a CSV's values for formulas. With a
    `reader` each lead has its own answer, found by `key`; without one the answer counts for all.
    """

    count: int = 100
    age: float = 300.0
    format: BatchFormat = BatchFormat.JSON
    name: Text | None = None
    wrapper: str = ""
    guards: bool = True
    reader: BulkReplyReader | None = field(default=None, compare=False)
    key: Text | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """Another version of a recipient's mapping, for `percent` of its leads: `plan` is the
    recipient with it."""

    percent: int
    plan: RecipientPlan

    def takes(self, lead_id: str) -> bool:
        """The same for one lead at every attempt, and dealt anew for every trial."""
        known = f"{self.plan.id}:{self.plan.version}:{lead_id}".encode()
        digest = hashlib.blake2b(known, digest_size=8).digest()
        return int.from_bytes(digest) % 100 < self.percent


@dataclass(frozen=True, slots=True)
class ListPlan:
    """A suppression list, compiled. `type` is a field type, `hashed` is none, md5 or sha256."""

    id: int
    slug: str
    fields: tuple[str, ...]
    type: str
    hashed: str = "none"


@dataclass(frozen=True, slots=True)
class Route:
    """The ways to a recipient, looked at for every delivery: `ways` by name in their order, `names`
    by the endpoint's id, and the `next` name after each, blank after the last."""

    ways: Mapping[str, EndpointPlan]
    names: Mapping[str, str]
    next: Mapping[str, str]

    @classmethod
    def of(cls, plan: RecipientPlan) -> Route:
        named = [("production", plan.production), ("backup", plan.backup)]
        named += [
            ("fallback" if place == 1 else f"fallback-{place}", endpoint)
            for place, endpoint in enumerate(plan.fallbacks, 1)
        ]
        ways = {name: endpoint for name, endpoint in named if endpoint is not None}
        # Deliveries of a recipient without a production endpoint begin there all the same.
        order = ["production", *(name for name in ways if name != "production")]
        return cls(
            ways=ways,
            names={endpoint.id: name for name, endpoint in reversed(ways.items())},
            next=dict(zip(order, [*order[1:], ""], strict=True)),
        )


@dataclass(frozen=True, slots=True)
class RecipientPlan:
    """`fields` is what templates see as `{{recipient.x}}`; `version` is the mapping's.

    `secrets` are the names of those in use; `second` is the same recipient with their second
    values, None where none has one.
    """

    id: str
    slug: str
    name: str
    mapping: PayloadMapping
    reader: ReplyReader
    type: str = "buyer"
    tier: str = ""
    timezone: str = "UTC"
    price: Decimal | None = None
    prices: Prices = NO_PRICES
    integration: str = "http"
    active: bool = True
    paused_reason: str = ""
    production: EndpointPlan | None = None
    backup: EndpointPlan | None = None
    sandbox: EndpointPlan | None = None
    regional: tuple[tuple[Rule, EndpointPlan], ...] = ()
    fallbacks: tuple[EndpointPlan, ...] = ()
    retry: RetryPolicy = DEFAULT_POLICY
    breaker: BreakerPolicy = DEFAULT_BREAKER
    redactor: Redactor = field(default_factory=Redactor)
    filter: Rule | None = None
    hours: Hours | None = None
    limits: Limits = NO_LIMITS
    caps: tuple[Cap, ...] = ()
    duplicates: tuple[tuple[str, ...], ...] = ()
    duplicates_within: float = 0.0
    suppress: tuple[ListPlan, ...] = ()
    consent_required: bool = False
    consent_max_age: float | None = None
    version: int = 1
    fields: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    ping: PingPlan | None = None
    batch: BatchPlan | None = None
    second: RecipientPlan | None = field(default=None, repr=False, compare=False)
    trial: Trial | None = field(default=None, repr=False, compare=False)
    _route: Route = field(init=False, repr=False, compare=False)

    def version_for(self, lead_id: str, *, before: int = 0) -> int:
        """The version of the mapping that a delivery of the lead is sent by. One that was sent
        by a version `before` keeps to it while there is that version: its idempotency key
        stands for one payload."""
        if self.trial is None or before == self.version:
            return self.version
        other = self.trial.plan.version
        return other if before == other or self.trial.takes(lead_id) else self.version

    def of_version(self, version: int) -> RecipientPlan:
        """The recipient with the mapping on trial where that is the version, else itself."""
        trial = self.trial
        return trial.plan if trial and trial.plan.version == version else self

    @property
    def has_static_bid(self) -> bool:
        """It is never asked for bids: it has said once what it offers."""
        return self.ping is not None and self.ping.asks is None and self.ping.static_bid is not None

    @property
    def looks_up(self) -> bool:
        """Whether it may have a lead hangs on more than lead and configuration."""
        return bool(self.duplicates or self.suppress)

    @property
    def buys(self) -> bool:
        """An acceptance is a sale: a CRM or dialer of one's own takes leads and buys none."""
        return self.type in BUYING

    def __post_init__(self) -> None:
        object.__setattr__(self, "_route", Route.of(self))

    def route(self) -> Iterable[tuple[str, EndpointPlan]]:
        """The ways to this recipient in the order in which they are taken, each with what
        deliveries call it: production, backup, fallback, fallback-2, …"""
        return self._route.ways.items()

    def after(self, name: str) -> str:
        """The next way after the one called so; blank after the last."""
        return self._route.next.get(name, self._route.next["production"])

    def way(self, name: str) -> EndpointPlan | None:
        """The endpoint that deliveries call so; None where there is none of that name any more."""
        return self.sandbox if name == "sandbox" else self._route.ways.get(name)

    def name_of(self, endpoint: EndpointPlan) -> str:
        """What deliveries call it; a region is production to them."""
        if endpoint.kind is EndpointKind.SANDBOX:
            return "sandbox"
        return self._route.names.get(endpoint.id, "production")

    def endpoints(self) -> tuple[EndpointPlan, ...]:
        """All of them, production first, fallbacks last."""
        named = (self.production, self.backup, self.sandbox)
        there = (endpoint for endpoint in named if endpoint is not None)
        asked = (self.ping.endpoint,) if self.ping and self.ping.endpoint else ()
        return (*there, *(endpoint for _, endpoint in self.regional), *self.fallbacks, *asked)

    def endpoint(self, id: str) -> EndpointPlan | None:
        return next((endpoint for endpoint in self.endpoints() if endpoint.id == id), None)
