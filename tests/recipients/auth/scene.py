"""An endpoint with credentials, and one attempt at it."""

from __future__ import annotations

from typing import Any

from leadops.buyers import Buyers
from leadops.lib.http import Door
from leadops.lib.redact import Redactor
from recipients.auth import SCHEMES, Keyring
from recipients.deliver import Attempt, deliver
from recipients.mapping import Row, compile_rows, compile_template
from recipients.options import compile_options
from recipients.plan import Auth, AuthKind, EndpointPlan, RecipientPlan
from recipients.responses import ReaderSpec, compile_reader

READER = compile_reader(ReaderSpec(success='status = "accepted"', price="price"))
MAPPING = compile_rows([Row("email", "{{lead.email}}")])


def auth(kind: AuthKind, *, mark: str = "ept_1:one", **settings: Any) -> Auth:
    """Credentials as loading makes them: options compiled, checked."""
    scheme = SCHEMES[kind]
    written = settings.pop("options", {})
    settings.setdefault("name", scheme.default_name)
    made = Auth(kind=kind, options=compile_options(scheme.options, written), mark=mark, **settings)
    scheme.check(made)
    return made


def plan(url: str, auth: Auth, **settings: Any) -> RecipientPlan:
    endpoint = EndpointPlan(
        "ept_1", compile_template(url), timeout=settings.pop("timeout", 10.0), auth=auth,
        compress=settings.pop("compress", False), method=settings.pop("method", "POST"),
    )  # fmt: skip
    settings.setdefault("redactor", Redactor([auth.secret]))
    return RecipientPlan(
        "rcp_1", "abc", "ABC", mapping=MAPPING, reader=READER, production=endpoint, **settings
    )


def send(plan: RecipientPlan, door: Door, *, keyring: Keyring | None = None) -> Attempt:
    assert plan.production is not None
    context = {"lead": {"email": "a@example.com"}, "source": {}, "flow": {}, "recipient": {}}
    return deliver(
        plan,
        plan.production,
        context,
        attempt=1,
        idempotency_key="dlv_1",
        test=False,
        door=door,
        keyring=keyring,
    )


def paths(buyers: Buyers) -> list[str]:
    """What was called, in order."""
    return [entry["path"] for entry in buyers.log()]


def statuses(buyers: Buyers, path: str) -> list[int]:
    return [entry["status"] for entry in buyers.log(path=path)]
