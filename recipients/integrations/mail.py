"""Leads by e-mail."""

from __future__ import annotations

from recipients import addresses
from recipients.integrations.base import Integration
from recipients.options import Option, OptionKind
from recipients.responses import ReaderSpec, RuleSpec
from recipients.transports.email import EmailTransport
from recipients.transports.letters import sender_of

TEMPLATE = OptionKind.TEMPLATE

OPTIONS = (
    Option(
        "from",
        help="Whom the message is from; without, the site's own address.",
        example="LeadOps <leads@example.com>",
        check=sender_of,
    ),
    Option("cc", help="Copies, separated by commas.", check=addresses.mailbox_list),
    Option("bcc", help="Blind copies.", check=addresses.mailbox_list),
    Option("reply_to", help="Where answers go.", check=addresses.mailbox_list),
    Option(
        "subject",
        TEMPLATE,
        "Without: New lead, and its id. Test leads have [TEST] before it.",
        example="Lead from {{source.name}}: {{lead.first_name}} {{lead.last_name}}",
    ),
    Option("text", TEMPLATE, "Without: the mapped fields, one a line."),
    Option("html", TEMPLATE, "Without: the mapped fields as a table, or the text."),
    Option(
        "attachment",
        OptionKind.CHOICE,
        "The mapped fields as a file.",
        default="none",
        choices=("none", "json", "csv", "xml"),
    ),
    Option("attachment_name", TEMPLATE, "Without: lead- and the delivery's id."),
    Option(
        "host",
        help="Mail server that takes the messages; without, the site's own (EMAIL_URL).",
        example="smtp.example.com",
    ),
    Option("port", OptionKind.INTEGER, "Without: 587 with starttls, 465 with tls, 25 with none."),
    Option(
        "security",
        OptionKind.CHOICE,
        "starttls is demanded, never given up where the server does not offer it.",
        default="starttls",
        choices=("starttls", "tls", "none"),
    ),
    Option("username", help="For the mail server."),
    Option("password", OptionKind.SECRET, "For the mail server.", example="${SMTP_PASSWORD}"),
)

# RFC 5321 4.2, RFC 3463, RFC 4954 6. Statuses are SMTP's.
READING = ReaderSpec(
    rules=(
        RuleSpec("unauthorized", status="530,534,535,538"),
        RuleSpec(
            "rate_limited", status="4xx", matches=r"(?i)rate|too (many|much)|throttl|4\.7\.28"
        ),
        RuleSpec("server_error", status="4xx"),
        RuleSpec("rejected", status="552,554"),
        RuleSpec("rejected", status="550", matches=r"\b5\.7\.\d"),
        RuleSpec("invalid", status="5xx"),
    )
)

EMAIL = Integration(
    name="email",
    label="E-mail",
    about="A message for each lead, with the fields as text, table or file.",
    transport=EmailTransport(),
    options=OPTIONS,
    schemes=("mailto",),
    batches=True,
    reading=READING,
)
