"""What a sample lead comes to: the whole request, and the value of one field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from leadops.lib import locators
from recipients import mapping
from recipients.deliver import RecordedRequest, rehearse
from recipients.mapping import MappingError, RenderError, Row
from recipients.mapping.keys import parse_key
from recipients.plan import Context, EndpointPlan, RecipientPlan


def sample_request(
    plan: RecipientPlan, endpoint: EndpointPlan, context: Context
) -> RecordedRequest | None:
    """The request as it would go out, laid out for reading; None where none can be made."""
    request = rehearse(plan, endpoint, context, reply=None).request
    return _readable(request) if request else None


def _readable(request: RecordedRequest) -> RecordedRequest:
    """The request laid out for reading, without a password in its address."""
    try:
        body = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False)
    except ValueError:
        body = request.body
    return replace(request, url=locators.without_secrets(request.url), body=body)


def example_of(row: Row, context: Context) -> Any:
    """What the row gives for the sample, its condition set aside."""
    try:
        found: Any = mapping.compile_rows([Row(row.key, row.value)]).render(context)
    except (MappingError, RenderError):
        return None
    for _ in parse_key(row.key):
        if isinstance(found, dict) and len(found) == 1:
            found = next(iter(found.values()))
        elif isinstance(found, list) and len(found) == 1:
            found = found[0]
    return None if found == {} else found
