"""Recipients as workers use them: compiled from their models, credentials resolved."""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from leadops.lib import conditions
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
from recipients.endpoints import endpoint_of
from recipients.integrations import integration_for
from recipients.integrations.reading import reading_over
from recipients.models import Endpoint, MappingVersion, Recipient
from recipients.options import compile_options
from recipients.plan import (
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
from recipients.vault import Vault, stored_secrets

log = logging.getLogger(__name__)

# What who bid in vain is told; never the price that the lead was sold at.
NOTICE = mapping.compile_document({"bid_id": "{{bid.id}}", "outcome": "lost"})
_BARE = responses.compile_reader(responses.ReaderSpec())


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
    main = _main_integration(recipient)
    endpoints = _endpoints(recipient, vault, main)
    one = {kind: rows[0][1] for kind, rows in endpoints.items()}
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
        production=one.get(EndpointKind.PRODUCTION),
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
    return _knowing_secrets(dataclasses.replace(plan, batch=batch), ping, vault)


def _endpoints(
    recipient: Recipient, vault: Vault, main: str
) -> dict[str, list[tuple[Endpoint, EndpointPlan]]]:
    """By kind, in their order."""
    found: dict[str, list[tuple[Endpoint, EndpointPlan]]] = defaultdict(list)
    for row in recipient.endpoints.all():
        way = endpoint_of(row, vault, row.integration or recipient.integration, main=main)
        found[row.kind].append((row, way))
    return found


def _knowing_secrets(plan: RecipientPlan, ping: PingPlan | None, vault: Vault) -> RecipientPlan:
    """Last, when all secrets have been given out: the plan with its ping, which hide these."""
    redactor, secrets = Redactor(vault.given), frozenset(vault.names)
    if ping and ping.asks:
        asks = dataclasses.replace(ping.asks, redactor=redactor, secrets=secrets)
        tells = dataclasses.replace(asks, mapping=NOTICE, reader=_BARE) if ping.lost else None
        ping = dataclasses.replace(ping, asks=asks, tells=tells)
    return dataclasses.replace(plan, ping=ping, redactor=redactor, secrets=secrets)


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
