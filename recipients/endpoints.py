"""How an endpoint is reached: compiled from its row, with credentials and certificates."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import lru_cache

from leadops.lib import certificates
from leadops.lib.http.messages import REUSE_SECONDS, Pool
from leadops.lib.http.tls import Tls
from recipients import mapping, responses, validation
from recipients.auth import SCHEMES
from recipients.integrations import integration_for
from recipients.models import Credentials, Endpoint
from recipients.options import compile_options
from recipients.plan import Auth, AuthKind, BodyFormat, EndpointKind, EndpointPlan
from recipients.vault import Vault


def endpoint_of(row: Endpoint, vault: Vault, name: str, *, main: str) -> EndpointPlan:
    """`name` is its integration, `main` that of the production endpoint; raises ValueError where it
    does not compile."""
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
