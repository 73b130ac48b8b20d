"""Any service that speaks SOAP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from recipients.integrations.base import FieldError, Integration, Written
from recipients.mapping import RenderError
from recipients.mapping.markup import MarkupError
from recipients.plan import BodyFormat
from recipients.responses import ReaderSpec, RuleSpec
from recipients.transports.soap import OPTIONS, SoapTransport, header_blocks

# Subcodes of WS-Security 1.0, chapter 12, and Client.Authentication of SOAP 1.1.
_REFUSED: Final = (
    "Authentication|InvalidSecurity|FailedCheck|SecurityTokenUnavailable|UnsupportedSecurityToken"
    "|MessageExpired"
)
_OURS: Final = "Client|Sender|VersionMismatch|MustUnderstand|DataEncodingUnknown"


def _code_is(pattern: str) -> str:
    """Fault codes are qualified names: prefixes are the sender's choice."""
    return f'//Fault/faultcode ~ "{pattern}" or //Fault/Code//Value ~ "{pattern}"'


READING: Final = ReaderSpec(
    success='/Envelope/Body ~ "^"',
    message="//Fault/detail | //Fault/Detail",
    reason="//Fault/faultstring | //Fault/Reason/Text",
    rules=(
        RuleSpec("unauthorized", when=_code_is(_REFUSED)),
        RuleSpec("invalid", when=_code_is(f"(^|:)({_OURS})([.]|$)")),
        RuleSpec("server_error", when="count(//Fault) > 0"),
        # One-way operations are answered without an envelope.
        RuleSpec("accepted", status="202, 204", matches=r"^\s*$"),
    ),
)
"""A Fault says whose mistake it is; without one the call was understood.

Whether the lead was taken is for the recipient's own success rule to say.
"""


def check(endpoint: Written, options: Mapping[str, Any]) -> None:
    """What only the options together can tell."""
    if options["security"] != "none" and not (options["username"] and options["password"]):
        raise FieldError("options", "security needs a username and a password")
    if options["header"] is None:
        return
    try:
        header_blocks(options["header"], {}, options)
    except MarkupError as error:
        raise FieldError("options", str(error)) from error
    except RenderError:
        pass  # values that a lead will have; judged when it is sent


SOAP: Final = Integration(
    name="soap",
    label="SOAP",
    about="SOAP 1.1 and 1.2 calls, with WS-Security if wanted.",
    transport=SoapTransport(),
    options=OPTIONS,
    reading=READING,
    format=BodyFormat.XML,
    method="POST",
    check=check,
)
