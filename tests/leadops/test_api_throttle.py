"""Callers that ask too often are told when to come back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from events.models import Lead
from leadops import api_throttle
from tests.factories import bearer, make_flow, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db

LEAD = {"email": "ann@example.com"}
SLOW = 1000  # processes that share one call a second: each lets one through, then none for long


@pytest.fixture(autouse=True)
def limits(settings: Any) -> Any:
    api_throttle._bucket.cache_clear()
    settings.LEADOPS_WEB_WORKERS = SLOW
    yield settings
    api_throttle._bucket.cache_clear()


@pytest.fixture
def flow() -> str:
    source = make_source(key="source-key-0123456789")
    make_source("web-form-b", key="other-key-0123456789")
    return str(make_flow(source, make_recipient(key="partner-key-0123456789")).slug)


def post(flow: str, key: str = "source-key-0123456789") -> Any:
    return Client().post(
        f"/api/v1/flows/{flow}/leads",
        json.dumps(LEAD),
        content_type="application/json",
        **bearer(key),
    )


def read(key: str) -> Any:
    return Client().get("/api/v1/events", **bearer(key))


def test_it_tells_a_source_when_to_post_again(limits: Any, flow: str) -> None:
    limits.LEADOPS_INTAKE_RATE = 1
    assert post(flow).status_code == 201
    answer = post(flow)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= SLOW
    assert answer.json()["error"]["code"] == "too_many_requests"
    assert Lead.objects.count() == 1


def test_it_counts_each_caller_by_itself(limits: Any, flow: str) -> None:
    limits.LEADOPS_INTAKE_RATE = 1
    assert [post(flow).status_code for _ in range(2)] == [201, 429]
    assert post(flow, "other-key-0123456789").status_code == 403  # not its flow, but its turn


def test_it_counts_leads_apart_from_other_calls(limits: Any, flow: str) -> None:
    limits.LEADOPS_API_RATE = 1
    make_user("olga", key="staff-key-0123456789")
    assert [read("staff-key-0123456789").status_code for _ in range(2)] == [200, 429]
    assert [post(flow).status_code for _ in range(2)] == [201, 201]


def test_several_keys_of_one_caller_have_one_rate(limits: Any) -> None:
    limits.LEADOPS_API_RATE = 1
    user = make_user("olga", key="staff-key-0123456789")
    second = user.keys.model(user=user)
    second.set("second-key-0123456789")
    second.save()
    assert read("staff-key-0123456789").status_code == 200
    assert read("second-key-0123456789").status_code == 429


def test_it_has_no_limit_where_none_is_set(limits: Any, flow: str) -> None:
    make_user("olga", key="staff-key-0123456789")
    assert {read("staff-key-0123456789").status_code for _ in range(5)} == {200}
    assert {post(flow).status_code for _ in range(5)} == {201}


def test_it_asks_the_database_nothing(
    limits: Any, flow: str, django_assert_max_num_queries: Any
) -> None:
    limits.LEADOPS_API_RATE = 10**9
    make_user("olga", key="staff-key-0123456789")
    with django_assert_max_num_queries(50) as without:
        read("staff-key-0123456789")
    limits.LEADOPS_API_RATE = 0
    with django_assert_max_num_queries(50) as with_one:
        read("staff-key-0123456789")
    assert len(without.captured_queries) == len(with_one.captured_queries)


def test_a_wrong_key_is_told_so_and_not_counted(limits: Any) -> None:
    limits.LEADOPS_API_RATE = 1
    assert [read("nobodys-key-0123456789").status_code for _ in range(3)] == [401, 401, 401]
