"""The record after tests that really commit: Django's flush leaves what it does not manage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

TABLES = "events_event, events_snapshot, events_exchange, events_seal"


@pytest.fixture(autouse=True)
def clear_record(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the partitioned tables after a test with transactions of its own."""
    marker = request.node.get_closest_marker("django_db")
    committed = marker is not None and marker.kwargs.get("transaction")
    if committed:
        request.getfixturevalue("transactional_db")
        with connection.cursor() as cursor:
            cursor.execute("RESET leadops.maintenance")
    yield
    if committed:
        with connection.cursor() as cursor:
            # It stays on for Django's flush, which empties the seals.
            cursor.execute("SET leadops.maintenance = 'on'")
            cursor.execute(f"TRUNCATE {TABLES}")
