"""ZeroBounce: whether mail to an address arrives.

https://www.zerobounce.net/docs/email-validation-api-quickstart. The key stands in the query
(`api_key`). Refusals come with status 200 and an `error`.
"""

from __future__ import annotations

from typing import Final

from flows.services.base import Input, Service
from recipients.responses import RuleSpec

VALIDATE: Final = Service(
    name="zerobounce.validate",
    label="ZeroBounce",
    url="https://api.zerobounce.net/v2/validate",
    method="GET",
    format="query",
    auth="api_key",
    inputs=(
        Input("email", "The e-mail address", "{{lead.email}}"),
        Input("ip_address", "Where it was typed", "", required=False),
    ),
    send={"email": "{{input.email}}", "ip_address": "{{input.ip_address}}"},
    append={
        "status": "status",
        "sub_status": "sub_status",
        "free_email": "free_email",
        "did_you_mean": "did_you_mean",
        "mx_found": "mx_found",
        "domain_age_days": "domain_age_days",
    },
    success="status ~ .",
    reason="error",
    rules=(RuleSpec(outcome="unauthorized", when='error ~ "API key"'),),
    documentation="https://www.zerobounce.net/docs/email-validation-api-quickstart",
    help="Whether mail to an address arrives: valid, invalid, catch-all, spamtrap, abuse, …",
)
