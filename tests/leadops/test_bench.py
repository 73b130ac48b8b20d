"""The load generator's own sums and arguments; its figures are for people to run."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from leadops.bench.bare import insert_lead
from leadops.bench.intake import lost
from leadops.bench.load import Load


@pytest.mark.django_db(transaction=True)  # the bare loop commits on its own
def test_it_does_not_take_the_bare_loops_leads_for_those_that_were_answered():
    connection.ensure_connection()
    insert_lead(connection.connection)
    system = SimpleNamespace(connect=lambda: nullcontext(connection.connection))
    assert lost(system, Load(sent=3, errors=1)) == 2


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_it_measures_for_some_time(seconds: str):
    with pytest.raises(CommandError, match="a number of seconds above 0"):
        call_command("bench", "flow", "--seconds", seconds)
