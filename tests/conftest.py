"""The suite's own PostgreSQL (or DATABASE_URL), and its removal afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from leadops.lib import postgres
from tests.settings import HOME_PREFIX

if TYPE_CHECKING:
    from tests.objectstores import Store

STALE_SECONDS = 60.0

# Times say nothing on a machine that others use as well; what takes too long is found elsewhere.
# A run tries 50 examples of each property, others each time; `make fuzz` tries millions.
settings.register_profile(
    "suite",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        _sweep_killed_runs()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the server, and remove its folder."""
    postgres.leave()
    home = Path(os.environ["LEADOPS_TEST_HOME"])
    if home.name.startswith(HOME_PREFIX):
        shutil.rmtree(home, ignore_errors=True)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _sweep_killed_runs() -> None:
    """Stop servers and remove folders of runs that were killed before they could."""
    for home in Path(tempfile.gettempdir()).glob(f"{HOME_PREFIX}*"):
        try:
            young = time.time() - home.stat().st_mtime < STALE_SECONDS
            if young or home.stat().st_uid != os.geteuid() or postgres.in_use(home):
                continue
            postgres.stop(home)
        except (OSError, postgres.ServerError):
            continue  # another run sweeps too
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def fresh_plans() -> None:
    """Rolled back configuration repeats revision numbers; the compiled one must not stay."""
    from flows import plans

    plans.forget()


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """An object store that checks signatures."""
    from tests.objectstores import object_store  # loads much that few tests want

    with object_store() as running:
        yield running


@pytest.fixture(autouse=True, scope="session")
def pages_alone_are_noted(django_test_environment: None) -> None:
    """Django notes every template that a test renders, with a copy of its context: thousands for a
    page of the admin, a third of its time. Tests ask for the page's own alone."""
    from django.template import RequestContext, Template
    from django.test.utils import _TestState

    plainly = _TestState.saved_data.template_render  # type: ignore[attr-defined]
    noting = Template._render  # type: ignore[attr-defined]

    def render(template: Template, context: RequestContext) -> str:
        is_page = context.template is template and isinstance(context, RequestContext)
        return str((noting if is_page else plainly)(template, context))

    Template._render = render  # type: ignore[attr-defined]


RECORD = ("events_event", "events_snapshot", "events_exchange", "events_seal")


@pytest.fixture(autouse=True)
def empty_record(request: pytest.FixtureRequest) -> Iterator[None]:
    """Django's flush after a test with real transactions leaves out what it does not manage."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if marker is None or not marker.kwargs.get("transaction"):
        return
    from django.db import connection, transaction

    unblock = request.getfixturevalue("django_db_blocker").unblock
    with unblock(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL leadops.maintenance = 'on'")
        cursor.execute(f"TRUNCATE {', '.join(RECORD)}")
