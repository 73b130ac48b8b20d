"""Names of files made of leads: one piece each, the delivery's id in it."""

from __future__ import annotations

import re

from recipients.plan import BodyFormat
from recipients.transports.base import Job
from recipients.transports.parcels import Parcel

ENDINGS = {BodyFormat.JSON: "json", BodyFormat.XML: "xml", BodyFormat.CSV: "csv"}
MAX_NAME = 150

_UNSAFE = re.compile(r"[^\w.@+=,-]+")


def bare(value: str) -> str:
    """One piece of a path: no folder, nothing hidden, nothing that a shell or a URL would read."""
    return _UNSAFE.sub("-", value).strip(".-") if value else ""


def name_of(job: Job, *, shared: bool = False) -> str:
    """By the option `file_name`. The id stands in it, but in that of a file that many `share`.

    What is a test does not go among the others.
    """
    if isinstance(job.payload, Parcel):
        return f"{'test-' if job.test else ''}{job.payload.name}"
    ending = ENDINGS[job.endpoint.format]
    template = job.endpoint.options.get("file_name")
    written = template.text(job.context, escape=bare).strip() if template else ""
    stem = bare(written)[:MAX_NAME].removesuffix(f".{ending}").strip(".")
    key = bare(job.idempotency_key)
    if shared:
        stem = stem or "leads"
    elif key not in stem:
        stem = f"{stem}-{key}" if stem else key
    return f"{'test-' if job.test else ''}{stem}.{ending}"
