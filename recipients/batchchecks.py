"""What a recipient's batches must satisfy: one set of checks for admin and bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

from recipients import responses

if TYPE_CHECKING:
    from recipients.models.batching import Batching

LONGEST = 7 * 24 * 3600.0
FIELD_OF = {"items": "items", "key": "key_path", "number": "number_path"}


def age(value: float) -> None:
    if not 1 <= value <= LONGEST:
        raise ValidationError("Between 1s and 7d.")


def batching(row: Batching) -> None:
    """Raises ValidationError where the reading of replies does not compile."""
    if not row.items and (row.key_path or row.number_path):
        raise ValidationError({"items": "Say where the reply lists its answers."})
    spec = row.bulk_spec()
    if spec is None:
        return
    try:
        responses.compile_bulk(spec, responses.compile_reader(responses.ReaderSpec()))
    except responses.ReaderError as error:
        part = error.path.split(".")[0]
        raise ValidationError({FIELD_OF.get(part, "items"): error.message}) from error
