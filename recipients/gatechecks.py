"""What hours, limits, caps and prices must satisfy: one set of checks for admin and bundle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError

from leadops.lib.validation import several
from recipients import caps as _caps
from recipients import hours as _hours
from recipients import limits as _limits
from recipients import prices as _prices
from recipients.termerrors import TermError


def caps(value: Any) -> None:
    _term(_caps.check, value)


def hours(value: Any) -> None:
    _term(_hours.check, value)


def limits(value: Any) -> None:
    _term(_limits.check, value)


def prices(value: Any) -> None:
    _term(_prices.parse, value)


def told(error: TermError) -> ValidationError:
    """As forms and bundles are told: each message names its place, and so does its cause."""
    return several({f"{each}.": each for each in (error, *error.others)})


def _term(check: Callable[[Any], Any], value: Any) -> None:
    """The message names the place, and the cause carries it for who knows the line."""
    try:
        check(value)
    except TermError as error:
        raise told(error) from error
