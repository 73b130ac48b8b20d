from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import ids


def test_it_names_what_the_id_stands_for() -> None:
    name, _, rest = ids.new_id("lead").partition("_")
    assert name == "lead"
    assert len(rest) == 20
    assert set(rest) <= set(ids.ALPHABET)


def test_it_grows_within_a_process() -> None:
    made = [ids.new_id("evt") for _ in range(5000)]
    assert made == sorted(set(made))


def test_it_grows_although_the_clock_steps_back() -> None:
    sequence = ids.Sequence()
    pairs = [sequence.after(ms) for ms in (1000, 1000, 900, 1000, 1001, 1000)]
    assert pairs == sorted(set(pairs))


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2900, 1, 1)),
    st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=9000)),
)
def test_back_dated_ids_sort_by_their_time(start: datetime, later: timedelta) -> None:
    at = start.replace(tzinfo=UTC, microsecond=0)
    assert ids.new_id("lead", at) < ids.new_id("lead", at + later)


def test_a_forked_child_makes_other_ids() -> None:
    ids.new_id("lead")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "\n".join(ids.new_id("lead") for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 65536).decode().split()
    ours = [ids.new_id("lead") for _ in range(50)]
    assert len({*theirs, *ours}) == 100
