"""Twilio Lookup v2: whether a phone number can be, whose it is and of which kind.

https://www.twilio.com/docs/lookup/v2-api. The username is the account's SID or an API key's, the
password its token or secret. Numbers without a country are read as of the United States.
"""

from __future__ import annotations

from typing import Final

from flows.services.base import Input, Service

LOOKUP: Final = Service(
    name="twilio.lookup",
    label="Twilio Lookup",
    url="https://lookups.twilio.com/v2/PhoneNumbers/{{input.phone}}",
    method="GET",
    format="query",
    auth="basic",
    inputs=(
        Input("phone", "The phone number", "{{lead.phone_1}}"),
        Input("packages", "What is paid for besides", "line_type_intelligence", required=False),
    ),
    send={"Fields": "{{input.packages}}"},
    append={
        "valid": "valid",
        "problem": "validation_errors.*",
        "country": "country_code",
        "line_type": "line_type_intelligence.type",
        "carrier": "line_type_intelligence.carrier_name",
    },
    # A number that cannot be is an answer; whatever knows no number at all is none.
    success="valid ~ true|false",
    reason="message",
    documentation="https://www.twilio.com/docs/lookup/v2-api",
    help="Whether a phone number can be, its carrier and the kind of its line.",
)
