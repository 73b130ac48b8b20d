"""A buyer that is made up: its replies are simulated, nothing goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadops.lib import money
from recipients.integrations.base import FieldError, Integration, Written
from recipients.options import Option, OptionKind
from recipients.responses import ReaderSpec
from recipients.transports.simulated import SCHEME, SHARES, SimulatedTransport, check_shares

MOST_DELAY = 30.0  # seconds


def _check(endpoint: Written, options: Mapping[str, Any]) -> None:
    try:
        check_shares({name: options[name] for name in SHARES})
    except ValueError as error:
        raise FieldError("options", str(error)) from error
    if options["delay"] > MOST_DELAY:
        raise FieldError("options", f"the delay is {MOST_DELAY:.0f}s at most")


SIMULATED = Integration(
    name="simulated",
    label="Simulated replies",
    about="No buyer at all: the request is built and recorded, goes nowhere, and an answer is "
    "drawn by the lead's id. For trying flows before an address is known. "
    "Its own address is simulated://buyer.",
    transport=SimulatedTransport(),
    options=(
        Option("accepted", OptionKind.INTEGER, "Per cent of leads that are taken.", default=80),
        Option("rejected", OptionKind.INTEGER, "Per cent that are refused.", default=10),
        Option("duplicate", OptionKind.INTEGER, "Per cent that are known already.", default=5),
        Option(
            "error",
            OptionKind.INTEGER,
            "Per cent of attempts that fail with 503. The four make 100.",
            default=5,
        ),
        Option(
            "price",
            OptionKind.TEXT,
            "What an accepted lead pays by its reply. Blank: the recipient's price.",
            default="",
            example="45.00",
            check=money.parse,
        ),
        Option(
            "delay",
            OptionKind.DURATION,
            "How long an answer takes; past the endpoint's time-out none comes.",
            default=0.1,
            example="250ms",
        ),
        *(
            Option(
                f"{name}_reply",
                OptionKind.TEXT,
                f"The body of a reply that means {name}, as the buyer writes it. "
                "Blank: a JSON document of ours.",
                default="",
            )
            for name in SHARES
        ),
    ),
    schemes=(SCHEME,),
    reading=ReaderSpec(
        success='status = "accepted"', price="price", lead_id="lead_id", reason="reason"
    ),
    check=_check,
)
