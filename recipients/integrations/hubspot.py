"""Contacts in HubSpot. The vendor's addresses stand in recipients/transports/hubspot.py.

Errors: https://developers.hubspot.com/docs/api-reference/error-handling
Limits: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
"""

from __future__ import annotations

from typing import Final

from recipients.integrations.base import Field, Integration, Probe
from recipients.options import Option, OptionKind
from recipients.plan import BodyFormat
from recipients.responses import ReaderSpec, RuleSpec
from recipients.transports.hubspot import HubSpotTransport, probe_problem, probe_request


def _digits(text: str) -> None:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("write the number that stands in HubSpot's own addresses")


OPTIONS: Final = (
    Option(
        "portal_id",
        help="The account's number (Hub ID). Checked by the test of the connection.",
        example="12345678",
        check=_digits,
    ),
    Option(
        "existing",
        OptionKind.CHOICE,
        "A contact that is there already: update writes over it, duplicate refuses the lead.",
        default="update",
        choices=("update", "duplicate"),
    ),
    Option(
        "match_by",
        help="The property that tells contacts apart: email, or a unique property of yours.",
        default="email",
    ),
    Option(
        "list",
        OptionKind.TEMPLATE,
        "Name or id of a static list that the contact is then put on.",
        example="New Leads - {{lead.product_interest}}",
    ),
    Option(
        "workflow",
        OptionKind.TEMPLATE,
        "Name or id of a workflow that the contact is then enrolled in.",
        example="Welcome Series - {{lead.state}}",
    ),
    Option(
        "follow_ups",
        OptionKind.CHOICE,
        "Where list or workflow fail: needed fails the delivery, optional counts the contact.",
        default="needed",
        choices=("needed", "optional"),
    ),
)

FIELDS: Final = (
    Field("email", "HubSpot tells contacts apart by it.", required=True, example="{{lead.email}}"),
    Field("firstname", example="{{lead.first_name}}"),
    Field("lastname", example="{{lead.last_name}}"),
    Field("phone", example="{{lead.phone_1}}"),
    Field("mobilephone", example="{{lead.phone_2}}"),
    Field("address", example="{{lead.address_1}}"),
    Field("city", example="{{lead.city}}"),
    Field("state", example="{{lead.state}}"),
    Field("zip", example="{{lead.postal_code}}"),
    Field("country", example="{{lead.country}}"),
    Field("company", example="{{lead.company}}"),
    Field("jobtitle"),
    Field("website"),
    Field("date_of_birth", example="{{lead.date_of_birth}}"),
    Field("lifecyclestage", "Only forward: subscriber, lead, …", example="lead"),
    Field("hs_lead_status", "NEW, OPEN, IN_PROGRESS, …", example="NEW"),
    Field("hubspot_owner_id", "The id of an owner."),
    Field("message", example="{{lead.comments}}"),
)

READING: Final = ReaderSpec(
    success="results.0.id or id",
    lead_id="results.0.id | id",
    message="failed.message | message",
    reason="failed.message | errors.*.message",
    capture={
        "category": "category | errors.*.category",
        "policy": "policyName",
        "existing_id": r"regex:Existing ID: (\d+)",
        "created": "results.0.new",
    },
    rules=(
        # What a follow-up was answered with is not about the contact, which is there.
        RuleSpec("invalid", status="400, 404, 409, 412, 422", when="failed.needed"),
        RuleSpec("duplicate", when='category = "CONFLICT"'),
        RuleSpec("duplicate", status="207", when='errors.*.category = "CONFLICT"'),
        RuleSpec("invalid", status="207", when="errors.*.category"),
        RuleSpec("rate_limited", when='category = "RATE_LIMITS" or errorType = "RATE_LIMIT"'),
        # Locked for two seconds; being moved to another data centre, with Retry-After.
        RuleSpec("server_error", status="423, 477"),
    ),
)

HUBSPOT: Final = Integration(
    name="hubspot.create_or_update_contact",
    label="HubSpot",
    about="A contact in HubSpot, put on a list and enrolled in a workflow if wanted.",
    transport=HubSpotTransport(),
    options=OPTIONS,
    fields=FIELDS,
    reading=READING,
    url="https://api.hubapi.com",
    format=BodyFormat.JSON,
    method="POST",
    probe=Probe(probe_request, probe_problem),
    docs="https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide",
)
