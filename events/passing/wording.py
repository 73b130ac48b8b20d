"""How a source is told, made ready once for many feedbacks: where, signed by what, how written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.passing.writing import Form, Written
from events.pushing.sending import signed
from leadops.lib.http import Request
from leadops.lib.redact import Redactor
from recipients.vault import Vault, stored_secrets

TIMEOUT = 10.0  # seconds that a source has to answer, all in all


@dataclass(frozen=True, slots=True)
class Way:
    """How to a source. `secrets` has two while one is being changed. What is missing is said in
    `trouble`, and mended while feedback waits; without a `form` nothing can be written."""

    source: str
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    redactor: Redactor = field(repr=False)
    form: Form | None
    trouble: str = ""

    @property
    def ending(self) -> str:
        return self.form.ending if self.form else ""

    def request(self, id: str, written: Written, now: datetime) -> Request:
        """Raises ValueError for a secret that is none."""
        return signed(
            self.url,
            self.secrets,
            id=id,
            body=written.body,
            now=now,
            timeout=TIMEOUT,
            content_type=written.content_type,
        )


def way_to(source: Any) -> Way:
    """Never raises. Asks the database for the secrets."""
    vault = Vault(*stored_secrets())
    secrets: list[str] = []
    trouble, form = "", None
    try:
        form = Form.of(source, fill=vault.fill)
    except ValueError as error:
        trouble = f"The template cannot be used: {error}"
    try:
        if source.feedback_url and source.feedback_secret:
            secrets.append(vault.secret(source.feedback_secret))
            vault.takes_second = True
            secrets.append(vault.secret(source.feedback_secret))
    except ValueError as error:
        trouble = trouble or f"Cannot be signed: {error}"
    return Way(
        source=source.slug,
        url=source.feedback_url,
        secrets=tuple(dict.fromkeys(secrets)),
        redactor=Redactor(vault.given),
        form=form,
        trouble=trouble,
    )
