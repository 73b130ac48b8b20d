"""Records on Five9's lists. The vendor's addresses stand in recipients/transports/five9.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from recipients.callwindow import CallWindow
from recipients.integrations.base import Field, FieldError, Integration, Probe, Written
from recipients.options import Option, OptionKind
from recipients.plan import BodyFormat
from recipients.responses import ReaderSpec, RuleSpec
from recipients.transports.five9 import (
    CODE,
    DESCRIPTION,
    Five9Transport,
    probe_problem,
    probe_request,
)

OPTIONS: Final = (
    Option("domain", help="The name of your Five9 domain.", required=True, example="Acme Sales"),
    Option(
        "list",
        OptionKind.TEMPLATE,
        "The dialing list; it must be there.",
        required=True,
        example="New Leads {{lead.state}}",
    ),
    Option(
        "key",
        help="Fields that tell records apart, with commas between.",
        default="number1",
        example="number1, email",
    ),
    Option(
        "update_crm",
        OptionKind.BOOLEAN,
        "A contact record that is there already is written over.",
        default=True,
    ),
    Option("call_asap", OptionKind.BOOLEAN, "To be called before all others.", default=False),
    Option(
        "call_window",
        help="When the lead may be called, by its own clock. Outside of it Five9 is told to call "
        "when it opens next.",
        example="9am-8pm",
        check=CallWindow.parse,
    ),
    Option(
        "timezone",
        OptionKind.TEMPLATE,
        "The lead's, for the call window; e.g. America/New_York.",
        example='{{default lead.timezone "America/New_York"}}',
    ),
    Option(
        "timezone_field",
        help="A contact field that gets the time zone as well. Blank: none.",
        example="timezone",
    ),
    Option(
        "priority",
        OptionKind.TEMPLATE,
        "Written into the priority field.",
        example="{{#if lead.score > 80}}1{{else}}2{{/if}}",
    ),
    Option(
        "priority_field",
        help="The contact field by which the campaign's list is sorted.",
        default="priority",
    ),
    Option(
        "max_attempts",
        OptionKind.INTEGER,
        "Written into the attempts field: Web2Campaign has no word for it, the campaign's "
        "dialing rules look at the field.",
        example="3",
    ),
    Option("max_attempts_field", help="A contact field.", default="max_attempts"),
)

FIELDS: Final = (
    Field("number1", "10 to 16 digits.", required=True, example="{{digits lead.phone_1}}"),
    Field("number2", example="{{digits lead.phone_2}}"),
    Field("number3"),
    Field("first_name", example="{{lead.first_name}}"),
    Field("last_name", example="{{lead.last_name}}"),
    Field("company", example="{{lead.company}}"),
    Field("street", example="{{lead.address_1}}"),
    Field("city", example="{{lead.city}}"),
    Field("state", example="{{lead.state}}"),
    Field("zip", example="{{lead.postal_code}}"),
    Field("email", "Where the domain has such a field.", example="{{lead.email}}"),
    Field("account_number", "Where the domain has such a field.", example="{{lead.id}}"),
)


def _code(*codes: str) -> str:
    return f'{CODE} ~ "^({"|".join(codes)})$"'


READING: Final = ReaderSpec(
    success=f'{CODE} = "0"',
    message=DESCRIPTION,
    reason=DESCRIPTION,
    capture={"error_code": CODE},
    rules=(
        # The contact was there already; the list has it now.
        RuleSpec("accepted", when=_code("602")),
        RuleSpec("duplicate", when=_code("603")),
        RuleSpec("rate_limited", when=_code("715")),
        RuleSpec("unauthorized", when=_code("716", "718")),
        RuleSpec("invalid", when=_code("600", "7..")),
        # An internal problem has a low number.
        RuleSpec("server_error", when=_code("[1-9]", "[1-5]..")),
    ),
)
"""By F9errCode. 0: done; 600 to 603 are about the record, 700 to 718 about the request."""


def check(endpoint: Written, options: Mapping[str, Any]) -> None:
    """Raises FieldError."""
    if options["call_window"] and options["timezone"] is None:
        raise FieldError("options", "timezone: must be given with a call window")


FIVE9: Final = Integration(
    name="five9.add_to_list",
    label="Five9",
    about="A record on a dialing list of Five9, called at once or within a call window.",
    transport=Five9Transport(),
    options=OPTIONS,
    fields=FIELDS,
    reading=READING,
    check=check,
    url="https://api.five9.com",
    format=BodyFormat.FORM,
    method="POST",
    probe=Probe(probe_request, probe_problem),
    docs="https://documentation.five9.com/bundle/api-web2campaign/page/web2campaign/"
    "landing-web2campaign.htm",
)
