"""TrustedForm: the certificate of a lead's consent, matched with the lead and retained.

https://developers.activeprospect.com/api-reference/certificate-url/run-certificate-operations,
version 4.0. The username is API, the password the account's key. The certificate's address comes
from the lead, but only its last part is used: the key goes to TrustedForm alone.
"""

from __future__ import annotations

from typing import Final

from flows.services.base import Input, Service

RETAIN: Final = Service(
    name="trustedform.retain",
    label="TrustedForm certificate",
    url="https://cert.trustedform.com/{{input.certificate}}",
    headers="Api-Version: 4.0\nAccept: application/json",
    auth="basic",
    inputs=(
        Input(
            "certificate",
            "The certificate's id",
            '{{replace lead.trustedform_cert_url.path "/" ""}}',
        ),
        Input("email", "The lead's e-mail address", "{{lead.email}}", required=False),
        Input("phone", "The lead's phone number", "{{lead.phone_1}}", required=False),
        Input("reference", "Our name for the lead", "{{lead.id}}", required=False),
        Input("vendor", "Who sold the lead", "{{source.name}}", required=False),
    ),
    send={
        "match_lead": {"email": "{{input.email}}", "phone": "{{input.phone}}"},
        "retain": {"reference": "{{input.reference}}", "vendor": "{{input.vendor}}"},
        "insights": {"properties": ["age_seconds", "created_at", "domain"]},
    },
    append={
        "outcome": "outcome",
        "matches": "match_lead.result.success",
        "email_match": "match_lead.result.email_match",
        "phone_match": "match_lead.result.phone_match",
        "age_seconds": "insights.properties.age_seconds",
        "created_at": "insights.properties.created_at",
        "domain": "insights.properties.domain",
        "expires_at": "retain.results.expires_at",
        "retained_before": "retain.results.previously_retained",
    },
    success="outcome = success",
    reason="reason",
    documentation="https://developers.activeprospect.com/api-reference/certificate-url/"
    "run-certificate-operations",
    help="Retains the certificate of a lead's consent, if it is this lead's, and says its age.",
)
