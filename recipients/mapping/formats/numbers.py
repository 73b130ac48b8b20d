"""Number patterns: `0,0.00`, `$0,0.00`, `0%`, `#,##0.00`, `00000`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Final

_PATTERN: Final = re.compile(
    r"""(?P<before>[^0#\[\].,]*)
    (?P<whole>0(?:,0+)+|0+|\#(?:,?\#)*,?\#*0+|\#,\#+)
    (?:(?P<dot>\.)(?P<places>0*)(?:\[(?P<optional_a>0+)\]|(?P<optional_b>\#+))?
       |\[\.\](?P<optional_c>0+))?
    (?P<percent>\s?%)?(?P<after>[^0#\[\].,%]*)""",
    re.VERBOSE,
)
_CONTEXT: Final = Context(prec=60)


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A number pattern, read."""

    before: str
    after: str
    grouped: bool
    width: int
    places: int
    optional: int
    percent: str

    def write(self, number: Decimal) -> str | None:
        """The number so written, rounded half away from zero; None where it is too large."""
        try:
            shown = _CONTEXT.scaleb(number, 2) if self.percent else number
            step = Decimal(1).scaleb(-(self.places + self.optional))
            rounded = shown.quantize(step, ROUND_HALF_UP, _CONTEXT)
        except DecimalException:
            return None
        whole, _, fraction = format(abs(rounded), "f").partition(".")
        while len(fraction) > self.places and fraction.endswith("0"):
            fraction = fraction[:-1]
        whole = whole.zfill(self.width)
        if self.grouped:
            whole = f"{int(whole):,}"
        sign = "-" if rounded < 0 else ""
        digits = f"{whole}.{fraction}" if fraction else whole
        return f"{sign}{self.before}{digits}{self.percent}{self.after}"


def parse(pattern: str) -> NumberFormat | None:
    """The pattern, or None where it is no number pattern."""
    found = _PATTERN.fullmatch(pattern)
    if found is None:
        return None
    whole, optional = found["whole"], found["optional_a"] or found["optional_b"]
    optional = optional or found["optional_c"] or ""
    if found["dot"] and not found["places"] and not optional:
        return None
    return NumberFormat(
        before=found["before"],
        after=found["after"],
        grouped="," in whole,
        width=1 if "," in whole or "#" in whole else len(whole),
        places=len(found["places"] or ""),
        optional=len(optional),
        percent=found["percent"] or "",
    )
