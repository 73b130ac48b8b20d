"""Leads in Salesforce. The vendor's addresses stand in recipients/transports/salesforce.py.

Error codes: https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/
sforce_api_calls_concepts_core_data_objects.htm (StatusCode), and
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from recipients.integrations.base import Field, FieldError, Integration, Probe, Written
from recipients.options import Option, OptionKind
from recipients.plan import BodyFormat
from recipients.responses import ReaderSpec, RuleSpec
from recipients.transports.salesforce import (
    PATH,
    SalesforceTransport,
    probe_problem,
    probe_request,
)

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}\Z")
_VERSION: Final = re.compile(r"\d{2,3}\.0\Z")
_ID: Final = re.compile(r"01Q[A-Za-z0-9]{12}([A-Za-z0-9]{3})?\Z")


def _api_name(text: str) -> None:
    if not _NAME.match(text):
        raise ValueError("write an API name, such as Lead or Source_Id__c")


def _api_version(text: str) -> None:
    if not _VERSION.match(text):
        raise ValueError("write a version such as 62.0")


def _rule_id(text: str) -> None:
    if not _ID.match(text):
        raise ValueError("write the rule's id: 15 or 18 characters that begin with 01Q")


OPTIONS: Final = (
    Option(
        "object", help="Whose records are made.", default="Lead", example="Lead", check=_api_name
    ),
    Option("api_version", help="Of the REST API.", default="62.0", check=_api_version),
    Option(
        "assignment_rules",
        OptionKind.BOOLEAN,
        "The active assignment rules give the lead to an owner.",
        default=True,
    ),
    Option(
        "assignment_rule_id",
        help="This rule instead of the active one.",
        example="01QD0000000EqAn",
        check=_rule_id,
    ),
    Option(
        "duplicate_check",
        OptionKind.BOOLEAN,
        "Records that a duplicate rule alerts about are refused, as duplicate. Off: they are "
        "saved, except where a rule blocks.",
        default=True,
    ),
    Option(
        "trigger_workflows",
        OptionKind.BOOLEAN,
        "Flows and workflow rules run, as they do at every save. Off needs the bypass field: "
        "Salesforce itself cannot be told.",
        default=True,
    ),
    Option(
        "bypass_field",
        help="A checkbox of yours that is ticked where workflows are off, and that your flows "
        "and rules look at.",
        example="Bypass_Automation__c",
        check=_api_name,
    ),
    Option(
        "external_id_field",
        help="A unique external id field of yours. It gets the delivery's key, so that a retry "
        "after a lost answer finds the record instead of making a second one.",
        example="LeadOps_Delivery__c",
        check=_api_name,
    ),
)

FIELDS: Final = (
    Field("LastName", "At most 80 characters.", required=True, example="{{lead.last_name}}"),
    Field(
        "Company",
        "Required, unless the organization has person accounts.",
        example='{{default lead.company "Private"}}',
    ),
    Field("FirstName", example="{{lead.first_name}}"),
    Field("Email", example="{{lead.email}}"),
    Field("Phone", example="{{lead.phone_1}}"),
    Field("MobilePhone", example="{{lead.phone_2}}"),
    Field("Street", example="{{lead.address_1}}"),
    Field("City", example="{{lead.city}}"),
    Field("State", "StateCode where state picklists are on.", example="{{lead.state}}"),
    Field("PostalCode", example="{{lead.postal_code}}"),
    Field("Country", example="{{lead.country}}"),
    Field("LeadSource", "A picklist.", example="{{source.name}}"),
    Field("Status", "A picklist.", example="Open - Not Contacted"),
    Field("Rating", "Hot, Warm or Cold.", example="{{#if lead.score > 80}}Hot{{else}}Warm{{/if}}"),
    Field("Title"),
    Field("Website"),
    Field("Industry", "A picklist."),
    Field("Description", example="{{lead.comments}}"),
    Field("OwnerId", "The id of a user or queue; assignment rules change it."),
    Field("HasOptedOutOfEmail", "true or false."),
)


def _code(*codes: str) -> str:
    return f'*.errorCode ~ "^({"|".join(codes)})$"'


READING: Final = ReaderSpec(
    success="success",
    lead_id="id",
    reason="*.message",
    capture={
        "error_code": "*.errorCode",
        "fields": "*.fields.*",
        "existing_id": "0.duplicateResult.matchResults.*.matchRecords.*.record.Id",
    },
    rules=(
        RuleSpec("duplicate", when=_code("DUPLICATES_DETECTED", "DUPLICATE_VALUE")),
        RuleSpec(
            "unauthorized",
            when=_code(
                "INVALID_SESSION_ID",
                "INVALID_AUTH_HEADER",
                "INVALID_LOGIN",
                "INACTIVE_OWNER_OR_USER",
                "API_DISABLED_FOR_ORG",
                "API_CURRENTLY_DISABLED",
                "INSUFFICIENT_ACCESS",
                "INSUFFICIENT_ACCESS_OR_READONLY",
            ),
        ),
        RuleSpec("rate_limited", when=_code("REQUEST_LIMIT_EXCEEDED")),
        RuleSpec(
            "server_error",
            when=_code(
                "UNABLE_TO_LOCK_ROW",
                "SERVER_UNAVAILABLE",
                "UNKNOWN_EXCEPTION",
                "QUERY_TIMEOUT",
            ),
        ),
        RuleSpec("rejected", when=_code("STORAGE_LIMIT_EXCEEDED", "ENTITY_IS_LOCKED")),
        RuleSpec("invalid", status="400", when='*.errorCode ~ "."'),
        # Written again by its external id, in versions that say nothing more.
        RuleSpec("accepted", status="204"),
    ),
)


def check(endpoint: Written, options: Mapping[str, Any]) -> None:
    """Raises FieldError."""
    if options["external_id_field"] and PATH in endpoint.url:
        raise FieldError("url", "With an external id field, write the instance's address alone.")
    if not options["trigger_workflows"] and not options["bypass_field"]:
        raise FieldError("options", "bypass_field: must be given where workflows are off")
    if options["trigger_workflows"] and options["bypass_field"]:
        raise FieldError("options", "bypass_field: serves only where workflows are off")
    if options["assignment_rule_id"] and not options["assignment_rules"]:
        raise FieldError("options", "assignment_rule_id: serves only with assignment rules")


SALESFORCE: Final = Integration(
    name="salesforce.create_lead",
    label="Salesforce",
    about="A Lead, or another record, in a Salesforce organization.",
    transport=SalesforceTransport(),
    options=OPTIONS,
    fields=FIELDS,
    reading=READING,
    check=check,
    url="https://your-domain.my.salesforce.com",
    format=BodyFormat.JSON,
    method="POST",
    probe=Probe(probe_request, probe_problem),
    docs="https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/",
)
