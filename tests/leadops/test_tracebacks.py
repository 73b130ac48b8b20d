"""What the log says of errors of the database."""

from __future__ import annotations

import logging

import pytest
from django.db import DataError, connection, transaction

from leadops.lib.tracebacks import Formatter

REFUSED = (
    ("SELECT %s::jsonb", '{"email": "ann@example.com", "a": "\\u0000"}', "22P05"),
    ("SELECT %s::int", 'ann@example.com "\nand more"', "22P02"),
)


@pytest.mark.django_db
def test_a_refused_value_stands_in_no_log(caplog: pytest.LogCaptureFixture):
    for query, value, state in REFUSED:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(query, [value])
        except DataError:
            logging.getLogger("leadops").exception("It cannot be stored")
        written = Formatter("{message}", style="{").format(caplog.records[-1])
        assert "ann@" not in written
        assert "more" not in written
        assert "It cannot be stored\n" in written
        assert "cursor.execute(query, [value])" in written
        assert f"({state})" in written


def test_other_errors_are_told_as_ever():
    try:
        raise ValueError("Nothing quoted")
    except ValueError as error:
        said = Formatter().formatException((ValueError, error, error.__traceback__))
    assert said.endswith("ValueError: Nothing quoted")
    assert said.startswith("Traceback")
