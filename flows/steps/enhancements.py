"""Enhancement steps as workers use them: compiled from their settings and their service's."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from flows.arrival.terms import Stored
from flows.models import Enhancement, Step
from flows.services.settings import Settings, reader_of, settings_of
from flows.steps import appending
from flows.steps.appending import Appended
from leadops.lib import conditions
from leadops.lib.redact import Redactor
from recipients import mapping, responses
from recipients.endpoints import auth_of
from recipients.plan import EndpointPlan, RecipientPlan
from recipients.vault import Vault

log = logging.getLogger(__name__)

NOT_SET_UP = "Configuration error: it is not set up"


@dataclass(frozen=True, slots=True)
class EnhanceStep:
    """A service, compiled as a recipient is; what its reader captures is appended to the lead.

    `needs` names the enhancement steps whose values it reads: it waits for these. `cost` is that
    of an answer. `told` are the fields of the lead that it is told, `at_pings` whether it is asked
    for pings that have these. `cached` is for how many seconds answers are kept, 0: not at all;
    `cache_key` None: all that is sent. `mark` tells its settings from others. `broken` says why it
    cannot be asked.
    """

    id: str
    name: str
    plan: RecipientPlan
    endpoint: EndpointPlan
    needs: frozenset[str] = frozenset()
    when: conditions.Rule | None = None
    appended: tuple[Appended, ...] = ()
    cost: Decimal = Decimal(0)
    skips_tests: bool = False
    told: frozenset[str] = frozenset()
    at_pings: bool = True
    stops: bool = False
    cached: float = 0.0
    cache_key: mapping.Template | None = None
    mark: str = ""
    broken: str = ""

    @property
    def keeps(self) -> bool:
        """Whether answers to it may be kept: for whoever asks the same, or for the ping's lead."""
        return bool(self.cached) or (self.at_pings and not self.broken)

    @property
    def hides(self) -> frozenset[str]:
        """The names it appends that no snapshot holds."""
        return frozenset(each.name for each in self.appended if each.privacy == "sensitive")

    @property
    def private(self) -> frozenset[str]:
        """What the permanent record does not repeat of its values, as rules name them."""
        names = [each.name for each in self.appended if each.privacy != "plain"]
        return frozenset(appending.key(self.name, name) for name in names)


def compiled(step: Step, stored: Stored, *, others: Collection[str] = ()) -> EnhanceStep:
    """The step; one that does not compile is there, saying why. `others`: the flow's enhancements.

    A lead is worth more than what a service knows of it: a secret that is missing stops nobody.
    """
    row = getattr(step, "enhancement", None)
    if row is None:
        return _broken(step, NOT_SET_UP)
    vault = Vault(*stored())
    try:
        found = _compiled(step, row, vault, others)
        second = _second(step, row, vault, others)
    except ValueError as error:  # every compile error of ours is one
        log.error("The enhancement %s cannot be used: %s", step.name, error)
        return _broken(step, f"Configuration error: {error}", row)
    # Last, for it knows all secrets that were given out.
    plan = dataclasses.replace(
        found.plan,
        redactor=Redactor(vault.given),
        secrets=frozenset(vault.names),
        second=second.plan if second else None,
    )
    return dataclasses.replace(found, plan=plan)


def _second(
    step: Step, row: Enhancement, vault: Vault, others: Collection[str]
) -> EnhanceStep | None:
    if not vault.names & vault.seconds.keys():
        return None
    vault.takes_second = True
    try:
        return _compiled(step, row, vault, others)
    except ValueError as error:
        log.error("%s: the second value of a secret cannot be used: %s", step.name, error)
        return None


def _broken(step: Step, why: str, row: Enhancement | None = None) -> EnhanceStep:
    endpoint = EndpointPlan(id=step.id, url=mapping.compile_template(""))
    plan = _plan(step, mapping.compile_rows([]), responses.compile_reader(responses.ReaderSpec()))
    stops = row is not None and row.on_fail == row.OnFail.STOP
    return EnhanceStep(step.id, step.name, plan, endpoint, broken=why, stops=stops)


def _plan(step: Step, sent: mapping.Mapping, reader: responses.Reader) -> RecipientPlan:
    return RecipientPlan(
        id=step.id,
        slug=step.name,
        name=step.name,
        mapping=sent,
        reader=reader,
        type="crm",
        fields={"id": step.id, "slug": step.name, "name": step.name},
    )


def _compiled(step: Step, row: Enhancement, vault: Vault, others: Collection[str]) -> EnhanceStep:
    settings = settings_of(row)
    endpoint = _endpoint(row, settings, vault)
    sent = mapping.compile_rows(
        [dataclasses.replace(r, value=vault.fill(r.value)) for r in mapping.rows_of(settings.send)]
    )
    plan = dataclasses.replace(_plan(step, sent, reader_of(settings)), production=endpoint)
    when = conditions.parse(row.when) if row.when else None
    key = mapping.compile_template(row.cache_key) if row.cache_key else None
    url = mapping.compile_template(settings.url)
    headers = [mapping.compile_template(value) for _, value in settings.headers]
    read = {path for each in (sent, url, key, *headers) if each for path in each.paths}
    return EnhanceStep(
        id=step.id,
        name=step.name,
        plan=plan,
        endpoint=endpoint,
        needs=appending.read_of([*read, *(when.fields if when else ())], others) - {step.name},
        when=when,
        appended=settings.append,
        cost=row.cost,
        told=appending.fields_of({*sent.paths, *url.paths, *(p for h in headers for p in h.paths)}),
        at_pings=row.pings == row.Pings.KNOWN,
        skips_tests=row.test_leads == row.TestLeads.SKIP,
        stops=row.on_fail == row.OnFail.STOP,
        cached=row.cache_for or 0.0,
        cache_key=key,
        mark=_mark(step, settings),
    )


def _endpoint(row: Enhancement, settings: Settings, vault: Vault) -> EndpointPlan:
    return EndpointPlan(
        id=row.step_id,
        url=mapping.compile_template(vault.fill(settings.url)),
        method=settings.method,
        format=settings.format,
        timeout=row.timeout,
        headers=tuple(
            (name, mapping.compile_template(vault.fill(value))) for name, value in settings.headers
        ),
        auth=auth_of(row, vault),
        idempotency_header="",
    )


def _mark(step: Step, settings: Settings) -> str:
    """Other settings have another: what was answered before does not answer them."""
    said = [step.id, settings.url, settings.method, settings.format, settings.headers]
    appended = [dataclasses.astuple(each) for each in settings.append]
    parts = [*said, settings.send, appended, settings.reading.success]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
