"""Recipients as workers use them: compiled from their models, credentials resolved."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from leadops.lib import certificates, conditions
from leadops.lib.http.messages import REUSE_SECONDS, Pool
from leadops.lib.http.tls import Tls
from leadops.lib.redact import Redactor
from recipients import (
    caps,
    hours,
    limits,
    mapping,
    policies,
    prices,
    responses,
    suppression,
    validation,
    versions,
)
from recipients.auth import SCHEMES
from recipients.integrations import integration_for
from recipients.integrations.reading import reading_over
from recipients.models import Credentials, Endpoint, MappingVersion, Recipient, Secret
from recipients.options import compile_options
from recipients.plan import (
    Auth,
    AuthKind,
    BatchFormat,
    BatchPlan,
    BodyFormat,
    EndpointKind,
    EndpointPlan,
    PingPlan,
    RecipientPlan,
    Trial,
)
from recipients.prices import Prices

log = logging.getLogger(__name__)

# What who bid in vain is told; never the price that the lead was sold at.
NOTICE = mapping.compile_document({"bid_id": "{{bid.id}}", "outcome": "lost"})
_BARE = responses.compile_reader(responses.ReaderSpec())

REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class Vault:
    """Resolves `${NAME}`: the environment first, then the stored secrets.

    Remembers every secret it gave out, so that the recipient's redactor knows it. `seconds` are
    second values of secrets that are being rotated, given out instead when it `takes_second`.
    """

    def __init__(self, stored: Mapping[str, str], seconds: Mapping[str, str] | None = None) -> None:
        self.stored = stored
        self.seconds = seconds or {}
        self.takes_second = False
        self.given: set[str] = set()
        self.names: set[str] = set()

    def fill(self, text: str) -> str:
        """`text` with its references replaced; raises MissingSecret."""
        return REFERENCE.sub(self._value, text)

    def secret(self, text: str) -> str:
        """A credential: all of it is secret, whether written out or referred to."""
        filled = self.fill(text)
        if filled:
            self.given.add(filled)
        return filled

    def _value(self, match: re.Match[str]) -> str:
        name = match.group(1)
        value = os.environ.get(name) or self.stored.get(name)
        if value is None:
            raise MissingSecret(f"${{{name}}} is neither in the environment nor in the secrets")
        self.given.add(value)
        self.names.add(name)
        if second := self.seconds.get(name):
            self.given.add(second)
            return second if self.takes_second else value
        return value


class MissingSecret(ValueError):
    """Configuration names a secret that is nowhere."""


def load_recipients() -> dict[str, RecipientPlan]:
    """All recipients by id; one that does not compile is there, switched off, saying why."""
    stored, seconds = stored_secrets()
    query = Recipient.objects.select_related("ping", "batching").prefetch_related(
        "endpoints", "mapping_rows", "response_rules", "retry_rules", "suppress"
    )
    recipients = list(query)
    numbers, on_trial = versions.newest_numbers(), versions.on_trial(recipients)
    return {
        recipient.id: compile_recipient(
            recipient,
            stored,
            seconds,
            version=numbers.get(recipient.id, 1),
            on_trial=on_trial.get(recipient.id),
        )
        for recipient in recipients
    }


def stored_secrets() -> tuple[dict[str, str], dict[str, str]]:
    """The values by name, and the second values of those that have one."""
    rows = list(Secret.objects.values_list("name", "value", "second_value"))
    return {name: value for name, value, _ in rows}, {name: two for name, _, two in rows if two}


def compile_recipient(
    recipient: Recipient,
    stored: Mapping[str, str],
    seconds: Mapping[str, str] | None = None,
    *,
    version: int = 1,
    on_trial: MappingVersion | None = None,
) -> RecipientPlan:
    """`version` is the number of the mapping as it is configured."""
    try:
        mapped = _Mapped(version, versions.content_of(recipient))
        plan = _with_second(recipient, mapped, stored, seconds)
        trial = _trial(recipient, on_trial, stored, seconds) if on_trial else None
        return dataclasses.replace(plan, trial=trial)
    except ValueError as error:  # every compile error of ours is one
        log.error("%s cannot be used: %s", recipient.slug, error)
        return RecipientPlan(
            id=recipient.id,
            slug=recipient.slug,
            name=recipient.name,
            mapping=mapping.compile_rows([]),
            reader=responses.compile_reader(responses.ReaderSpec()),
            type=recipient.type,
            price=recipient.price,
            prices=Prices(recipient.price, whose="recipient"),
            integration=recipient.integration,
            active=False,
            paused_reason=f"Configuration error: {error}",
            version=version,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Mapped:
    """A version of the mapping, as the recipient's versions hold it."""

    version: int
    content: Mapping[str, Any]


def _with_second(
    recipient: Recipient,
    mapped: _Mapped,
    stored: Mapping[str, str],
    seconds: Mapping[str, str] | None,
) -> RecipientPlan:
    vault = Vault(stored, seconds)
    plan = _compiled(recipient, vault, mapped)
    second = _second(recipient, vault, mapped)
    return dataclasses.replace(plan, second=second, ping=_ping_with(plan.ping, second))


def _ping_with(ping: PingPlan | None, second: RecipientPlan | None) -> PingPlan | None:
    """Asked with the second values of secrets too, where there are any."""
    if ping is None or ping.asks is None or second is None or second.ping is None:
        return ping
    return dataclasses.replace(ping, asks=dataclasses.replace(ping.asks, second=second.ping.asks))


def _trial(
    recipient: Recipient,
    row: MappingVersion,
    stored: Mapping[str, str],
    seconds: Mapping[str, str] | None,
) -> Trial | None:
    """None where the version can no longer be sent: no lead is lost to a trial."""
    try:
        mapped = _Mapped(row.number, row.content)
        plan = _with_second(recipient, mapped, stored, seconds)
    except ValueError as error:
        log.error("%s: version %s cannot be tried: %s", recipient.slug, row.number, error)
        return None
    return Trial(recipient.trial_percent, plan)


def _second(recipient: Recipient, vault: Vault, mapped: _Mapped) -> RecipientPlan | None:
    """The recipient with the second values of its secrets, where there are any that will do."""
    if not vault.names & vault.seconds.keys():
        return None
    vault.takes_second = True
    try:
        return _compiled(recipient, vault, mapped)
    except ValueError as error:
        log.error("%s: the second value of a secret cannot be used: %s", recipient.slug, error)
        return None


def _compiled(recipient: Recipient, vault: Vault, mapped: _Mapped) -> RecipientPlan:
    endpoints: dict[str, list[tuple[Endpoint, EndpointPlan]]] = defaultdict(list)
    main = _main_integration(recipient)
    for endpoint in recipient.endpoints.all():
        way = _endpoint(endpoint, vault, endpoint.integration or recipient.integration, main=main)
        endpoints[endpoint.kind].append((endpoint, way))
    one = {kind: rows[0][1] for kind, rows in endpoints.items()}
    production = one.get(EndpointKind.PRODUCTION)
    plan = RecipientPlan(
        id=recipient.id,
        slug=recipient.slug,
        name=recipient.name,
        mapping=_mapping(mapped.content, vault),
        version=mapped.version,
        reader=_reader(recipient, main),
        type=recipient.type,
        tier=recipient.tier,
        timezone=recipient.timezone,
        price=recipient.price,
        prices=Prices(
            recipient.price,
            prices.parse(recipient.prices),
            "recipient",
            zone=recipient.timezone,
        ),
        integration=recipient.integration,
        active=recipient.active,
        paused_reason=_paused(recipient),
        production=production,
        backup=one.get(EndpointKind.BACKUP),
        sandbox=one.get(EndpointKind.SANDBOX),
        regional=tuple(
            (conditions.parse(row.when), plan) for row, plan in endpoints[EndpointKind.REGIONAL]
        ),
        fallbacks=tuple(plan for _, plan in endpoints[EndpointKind.FALLBACK]),
        retry=policies.retry_policy(recipient, recipient.retry_rules.all()),
        breaker=policies.breaker_policy(recipient),
        filter=conditions.parse(recipient.filter) if recipient.filter else None,
        hours=hours.parse(recipient.hours),
        limits=limits.parse(recipient.limits, owner=recipient.id),
        caps=caps.parse(recipient.caps, owner=recipient.id, zone=recipient.timezone),
        duplicates=tuple(tuple(group) for group in recipient.duplicate_match),
        duplicates_within=recipient.duplicate_within or 0.0,
        suppress=suppression.plans_of(recipient.suppress.all()),
        consent_required=recipient.consent_required,
        consent_max_age=recipient.consent_max_age,
        fields=_fields(recipient),
    )
    ping = _ping(recipient, plan, one.get(EndpointKind.PING), vault)
    batch = _batch(recipient, vault)
    if batch:
        # A batch is one request, whatever it holds; its leads count in caps alone.
        plan = dataclasses.replace(plan, limits=limits.NONE)
    # Last, for they know all secrets that were given out.
    redactor, secrets = Redactor(vault.given), frozenset(vault.names)
    if ping and ping.asks:
        asks = dataclasses.replace(ping.asks, redactor=redactor, secrets=secrets)
        tells = dataclasses.replace(asks, mapping=NOTICE, reader=_BARE) if ping.lost else None
        ping = dataclasses.replace(ping, asks=asks, tells=tells)
    return dataclasses.replace(plan, ping=ping, batch=batch, redactor=redactor, secrets=secrets)


def _ping(
    recipient: Recipient, plan: RecipientPlan, endpoint: EndpointPlan | None, vault: Vault
) -> PingPlan | None:
    row = getattr(recipient, "ping", None)
    if row is None:
        return None
    asks = None
    if endpoint is not None and row.static_bid is None:
        endpoint = dataclasses.replace(endpoint, reader=None)
        rows = [
            dataclasses.replace(each, value=vault.fill(each.value))
            for each in mapping.rows_of(row.mapping)
        ]
        asks = dataclasses.replace(
            plan,
            mapping=mapping.compile_rows(rows),
            reader=responses.compile_reader(responses.ReaderSpec(**row.reader_fields())),
        )
    return PingPlan(
        asks=asks,
        endpoint=endpoint if asks else None,
        lost=_lost(row.lost_url, endpoint, vault) if asks and endpoint else None,
        minimum=row.minimum,
        margin=row.margin,
        static_bid=row.static_bid,
    )


def _lost(url: str, endpoint: EndpointPlan, vault: Vault) -> EndpointPlan | None:
    """Where it is told that it lost: with the credentials and headers of its pings."""
    if not url:
        return None
    return dataclasses.replace(
        endpoint,
        id=f"{endpoint.id}:lost",
        url=mapping.compile_template(vault.fill(url)),
        integration="http",
        options=compile_options(integration_for("http").options, {}),
        method="POST",
        format=BodyFormat.JSON,
    )


def _batch(recipient: Recipient, vault: Vault) -> BatchPlan | None:
    row = getattr(recipient, "batching", None)
    if row is None:
        return None
    spec, reader = row.bulk_spec(), _reader(recipient, _main_integration(recipient))
    return BatchPlan(
        count=row.count,
        age=row.age,
        format=BatchFormat(row.format),
        name=mapping.compile_template(vault.fill(row.name)) if row.name else None,
        wrapper=row.wrapper,
        guards=row.formulas == row.Formulas.GUARD,
        reader=responses.compile_bulk(spec, reader) if spec else None,
        key=mapping.compile_template(vault.fill(row.matches)) if row.matches else None,
    )


def _paused(recipient: Recipient) -> str:
    if not recipient.active:
        return f"{recipient.name} is switched off"
    if recipient.paused_at is None:
        return ""
    return f"{recipient.name} is paused: {recipient.paused_reason or 'by staff'}"


def _fields(recipient: Recipient) -> dict[str, Any]:
    return {
        **recipient.fields,
        "id": recipient.id,
        "slug": recipient.slug,
        "name": recipient.name,
        "type": recipient.type,
        "tier": recipient.tier,
        "price": recipient.price,
    }


def _main_integration(recipient: Recipient) -> str:
    """The production endpoint's: whose words the recipient's own reading is about."""
    kinds = {row.kind: row.integration for row in recipient.endpoints.all()}
    return kinds.get(EndpointKind.PRODUCTION) or recipient.integration


def _endpoint(row: Endpoint, vault: Vault, name: str, *, main: str) -> EndpointPlan:
    chosen = integration_for(name)
    return EndpointPlan(
        id=row.id,
        url=mapping.compile_template(vault.fill(row.url)),
        kind=EndpointKind(row.kind),
        integration=name,
        options=compile_options(chosen.options, row.options, fill=vault.fill),
        method=chosen.method or row.method,
        format=chosen.format or BodyFormat(row.format),
        timeout=row.timeout,
        compress=row.compress,
        headers=tuple(
            (name, mapping.compile_template(vault.fill(value)))
            for name, value in validation.parse_headers(row.headers)
        ),
        auth=auth_of(row, vault),
        ascii=row.ascii,
        pool=_pool(row, vault),
        reader=None if name == main else _usual_reader(name),
        xml_root=row.xml_root,
        idempotency_header=row.idempotency_header,
        idempotency_template=(
            mapping.compile_template(row.idempotency_template) if row.idempotency_template else None
        ),
    )


def auth_of(row: Credentials, vault: Vault) -> Auth:
    """Compiled credentials; raises ValueError where they do not fit their kind."""
    kind = AuthKind(row.auth)
    scheme = SCHEMES[kind]
    auth = Auth(
        kind=kind,
        name=row.auth_name or scheme.default_name,
        username=vault.fill(row.auth_username),
        secret=vault.secret(row.auth_secret),
        place=row.auth_place,
        options=compile_options(scheme.options, row.auth_options, fill=vault.fill),
    )
    scheme.check(auth)
    return dataclasses.replace(auth, mark=_mark(row, auth, vault))


def _mark(row: Credentials, auth: Auth, vault: Vault) -> str:
    """Other credentials have another mark: what was fetched with the old ones is not used."""
    written = vault.fill(json.dumps(row.auth_options, sort_keys=True))
    parts = [auth.kind, auth.name, auth.place, auth.username, auth.secret, written]
    return f"{row.pk}:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


@lru_cache(maxsize=64)
def _usual_reader(integration: str) -> responses.Reader:
    """A fallback by mail is not answered in the words of the recipient's API."""
    reading = integration_for(integration).reading
    return responses.compile_reader(reading or responses.ReaderSpec())


def _pool(row: Endpoint, vault: Vault) -> Pool | None:
    tls = _tls(row, vault)
    keep_alive = row.keep_alive if row.keep_alive < REUSE_SECONDS else None
    if tls is None and row.connections is None and keep_alive is None:
        return None
    return Pool(tls=tls, connections=row.connections, keep_alive=keep_alive)


def _tls(row: Endpoint, vault: Vault) -> Tls | None:
    if not (row.tls_ca or row.tls_certificate):
        return None
    ca, certificate = vault.fill(row.tls_ca), vault.fill(row.tls_certificate)
    tls = Tls(ca=ca, certificate=certificate, key=vault.secret(row.tls_key))
    certificates.check(tls)
    return tls


def _mapping(content: Mapping[str, Any], vault: Vault) -> mapping.Mapping:
    if "text" in content:
        return mapping.compile_text(vault.fill(content["text"]))
    return mapping.compile_rows(
        [
            mapping.Row(row["key"], vault.fill(row["value"]), row["when"], row["keep_blank"])
            for row in content["rows"]
        ]
    )


def _reader(recipient: Recipient, integration: str) -> responses.Reader:
    rules = tuple(validation.rule_spec(rule) for rule in recipient.response_rules.all())
    own = responses.ReaderSpec(**recipient.reader_fields(), rules=rules)
    return responses.compile_reader(reading_over(own, integration_for(integration).reading))
