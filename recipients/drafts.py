"""A mapping that is not saved yet, and a recipient to try it with.

Secrets are hidden before anything is rendered, not after: a template can cut a secret in pieces
that nobody would know again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final

from django.db.models import Prefetch

from leadops.lib.http.messages import Reply
from recipients import mapping
from recipients.deliver import Attempt, rehearse
from recipients.loading import compile_recipient
from recipients.models import MappingRow, Recipient, Secret
from recipients.plan import Context, EndpointPlan, RecipientPlan
from recipients.testcases import endpoint_for
from recipients.vault import REFERENCE, stored_secrets

HIDDEN: Final = "•••"


@dataclass(frozen=True, slots=True)
class Draft:
    """A mapping as it is written: its text where there is one, else its rows."""

    rows: tuple[mapping.Row, ...] = ()
    text: str = ""

    def compiled(self) -> mapping.Mapping:
        """With secrets hidden. Raises MappingError, at the position in what was written."""
        hides = Hiding(known_secrets())
        if self.text.strip():
            mapping.compile_text(self.text)
            return mapping.compile_text(hides.fill(self.text))
        mapping.compile_rows(self.rows)
        return mapping.compile_rows(
            [replace(row, value=hides.fill(row.value, key=row.key)) for row in self.rows]
        )


def saved(recipient: Recipient) -> Draft:
    """The mapping as it is saved."""
    rows = [
        mapping.Row(row.key, row.value, row.when, row.keep_blank)
        for row in recipient.mapping_rows.all()
    ]
    return Draft(tuple(rows), recipient.mapping_text)


@dataclass(frozen=True, slots=True)
class Hiding:
    """Fills `${NAME}` without giving any value away."""

    names: Collection[str]

    def fill(self, text: str, *, key: str = "") -> str:
        """Raises MappingError for a name that is nowhere."""

        def hide(match: re.Match[str]) -> str:
            if match[1] not in self.names and match[1] not in os.environ:
                message = f"${{{match[1]}}} is neither in the environment nor in the secrets"
                raise mapping.MappingError(message, path=key)
            return HIDDEN

        return REFERENCE.sub(hide, text)


def known_secrets() -> frozenset[str]:
    return frozenset(Secret.objects.values_list("name", flat=True))


def without_mapping(recipient_id: str) -> RecipientPlan:
    """The recipient as it stands in the database, but for what is sent: also one whose saved
    mapping is wrong."""
    query = Recipient.objects.prefetch_related(
        "endpoints",
        "response_rules",
        "retry_rules",
        Prefetch("mapping_rows", queryset=MappingRow.objects.none()),
    )
    recipient = query.get(pk=recipient_id)
    recipient.mapping_text = ""
    return replace(compile_recipient(recipient, *stored_secrets()), second=None)


def rehearsed(
    plan: RecipientPlan, draft: mapping.Mapping, context: Context, *, reply: Reply | None = None
) -> tuple[EndpointPlan | None, Attempt | None]:
    """Where a lead would go and the request as it would go out; nothing is sent. None where there
    is no endpoint."""
    endpoint = endpoint_for(plan, context)
    if endpoint is None:
        return None, None
    return endpoint, rehearse(replace(plan, mapping=draft), endpoint, context, reply=reply)


@dataclass(frozen=True, slots=True)
class UnknownPath:
    """A path that is in no lead; `meant` is one that is, much like it."""

    path: str
    meant: str = ""

    def __str__(self) -> str:
        return f"{self.path}: no such field" + (
            f"; did you mean {self.meant}?" if self.meant else ""
        )


def unknown_paths(
    paths: Collection[str], known: Collection[str], context: Mapping[str, Any]
) -> list[UnknownPath]:
    """The paths that a mapping reads and that nothing has, in order.

    `known` are paths with their roots. A bare name stands in `paths` as the source's and the
    lead's: one of both is enough.
    """
    lost = {path for path in paths if not _is_known(path, known, context)}
    return [
        UnknownPath(path, _meant(path, known))
        for path in sorted(lost)
        if _twin(path) not in paths or (_twin(path) in lost and path.startswith("lead."))
    ]


def _is_known(path: str, known: Collection[str], context: Mapping[str, Any]) -> bool:
    if path in known or "." not in path:
        return True
    root, *rest = path.split(".")
    values = context.get(root)
    for length in range(len(rest), 0, -1):
        name = ".".join(rest[:length])
        if isinstance(values, Mapping) and name in values:
            return length == len(rest) or isinstance(values[name], Mapping | list)
    return False


def _twin(path: str) -> str:
    root, _, rest = path.partition(".")
    return {"lead": f"source.{rest}", "source": f"lead.{rest}"}.get(root, "")


def _meant(path: str, known: Collection[str]) -> str:
    close = get_close_matches(path, sorted(known), n=1, cutoff=0.75)
    return close[0] if close else ""
