"""Which figures the prices in force read, of whom. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from recipients.pricefigures import Figure


@dataclass(frozen=True, slots=True)
class Wanted:
    """A figure that the prices of a recipient, or of a source, read in a flow. `zone` is that of
    its days."""

    subject: str
    flow_id: str
    figure: Figure
    zone: str = "UTC"
    of_source: bool = False
