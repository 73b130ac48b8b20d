from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import metrics
from events.buckets import bucket, bucket_ms
from events.metrics import Cell, Summary, summarise


def delivery(outcome: str, n: int = 1, **money: Decimal) -> Cell:
    return Cell("delivery", outcome, n=n, **money)


def test_it_divides_accepted_by_deliveries_that_ended_without_the_skipped():
    summary = summarise(
        [
            delivery("accepted", 90),
            delivery("rejected", 4),
            delivery("duplicate", 3),
            delivery("invalid", 1),
            delivery("server_error", 2),
            delivery("skipped", 50),
        ]
    )
    assert (summary.accepted, summary.rejected, summary.failed, summary.skipped) == (90, 8, 2, 50)
    assert summary.delivery_rate == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("outcome", "technical"),
    [
        ("accepted", 0),
        ("rejected", 0),
        ("duplicate", 0),
        ("invalid", 0),
        ("unauthorized", 1),
        ("rate_limited", 1),
        ("server_error", 1),
        ("unreadable", 1),
        ("unavailable", 1),
        ("unknown", 1),
    ],
)
def test_it_counts_only_technical_failures_as_errors(outcome: str, technical: int):
    cells = [Cell("attempt", outcome, n=1), Cell("attempt", "accepted", n=3)]
    assert summarise(cells).error_rate == technical / 4


def test_it_says_nothing_where_there_is_nothing_to_divide_by():
    empty = Summary()
    assert empty.delivery_rate is empty.error_rate is empty.average_ms is None
    assert empty.p50 is empty.p95 is empty.p99 is None
    assert empty.margin == 0


def test_it_takes_a_returns_revenue_back_and_shows_it():
    summary = summarise(
        [
            delivery("accepted", 2, revenue=Decimal(90)),
            Cell("feedback", "return", n=1, revenue=Decimal(-45)),
            Cell("feedback", "conversion", n=1),
            Cell("share", "accepted", n=2, cost=Decimal(30)),
        ]
    )
    assert summary.revenue == 45
    assert summary.returned == 45
    assert (summary.returns, summary.conversions) == (1, 1)
    assert summary.margin == 15


def test_it_takes_shares_for_recipients_and_whole_leads_for_flows():
    cells = [
        Cell("lead", "accepted", n=3, cost=Decimal(45)),
        Cell("share", "accepted", n=2, cost=Decimal(30)),
    ]
    assert summarise(cells).cost == 30
    assert summarise(cells, cost_of="lead").cost == 45


@given(st.lists(st.integers(min_value=1, max_value=200_000), min_size=1, max_size=200))
def test_it_finds_percentiles_within_the_error_of_a_bucket(times: list[int]):
    counts: dict[int, int] = {}
    for ms in times:
        counts[bucket(ms)] = counts.get(bucket(ms), 0) + 1
    ordered = sorted(times)
    for wanted in (0.5, 0.95, 0.99):
        rank = next(i for i in range(1, len(ordered) + 1) if i >= wanted * len(ordered))
        exact = ordered[rank - 1]
        found = metrics.percentile(counts, wanted)
        assert found == pytest.approx(exact, rel=0.026)


def test_it_sorts_response_times_into_the_documents_classes():
    counts = {bucket(100): 45, bucket(1_000): 40, bucket(3_000): 12, bucket(9_000): 3}
    assert metrics.response_classes(counts) == [
        ("under 500 ms", 45, 0.45),
        ("to 2 s", 40, 0.40),
        ("to 5 s", 12, 0.12),
        ("over 5 s", 3, 0.03),
    ]


def test_it_shows_what_each_retry_adds():
    cells = [
        Cell("attempt", "accepted", attempt=1, n=90),
        Cell("attempt", "server_error", attempt=1, n=10),
        Cell("attempt", "accepted", attempt=2, n=7),
        Cell("attempt", "server_error", attempt=2, n=3),
        Cell("attempt", "accepted", attempt=3, n=2),
        Cell("delivery", "accepted", attempt=3, n=2),
    ]
    found = metrics.retry_success(cells)
    assert [(each.number, each.added) for each in found] == [(1, 0.9), (2, 0.07), (3, 0.02)]
    assert found[1].rate == pytest.approx(0.7)


def test_it_counts_failures_that_a_retry_saved():
    cells = [
        Cell("attempt", "server_error", "system", "HTTP #", n=2),
        Cell("attempt", "rejected", "business", "Too young", n=5),
        Cell("attempt", "accepted", n=9),
        Cell("delivery", "rejected", "business", "Too young", n=5),
    ]
    assert metrics.failures(cells, "category") == [("business", 5), ("system", 2)]
    assert metrics.failures(cells, "reason") == [("Too young", 5), ("HTTP #", 2)]


@pytest.mark.parametrize(
    ("now", "before", "grown"),
    [(110, 100, 0.1), (90, 100, -0.1), (5, 0, None), (None, 4, None), (-5, -10, 0.5)],
)
def test_it_compares_with_the_period_before(now, before, grown):
    assert metrics.change(now, before) == (None if grown is None else pytest.approx(grown))


def test_it_uses_the_keys_of_the_contract():
    shown = metrics.as_json(summarise([delivery("accepted")], {bucket(420): 1}))
    assert {
        "attempts", "accepted", "rejected", "failed", "delivery_rate", "error_rate", "revenue",
        "cost", "margin", "response_ms",
    } <= set(shown)  # fmt: skip
    assert set(shown["response_ms"]) == {"avg", "p50", "p95", "p99"}
    assert bucket_ms(0) == 1.0


def test_it_reckons_the_economics_of_the_documents_example():
    # 45.00 for a lead that cost 15.00; one delivery in ten failed.
    month = Summary(
        accepted=900, rejected=80, failed=20, revenue=Decimal(40_500), cost=Decimal(13_500)
    )
    found = metrics.economics(month, 30)
    assert (found.revenue, found.cost, found.margin) == (45, 15, 30)
    assert found.lost == -15
    assert found.one_percent == 450  # 1000 deliveries × 1 % × 45.00
    assert found.one_percent == 10 * (found.margin - found.lost)


@pytest.mark.parametrize("days", [0.5, 1, 7, 90])
def test_it_reckons_by_the_month_whatever_the_period(days: float):
    summary = Summary(accepted=50, failed=50, revenue=Decimal(500), cost=Decimal(100))
    found = metrics.economics(summary, days)
    assert float(found.monthly) == pytest.approx(100 * 30 / days)
    assert float(found.one_percent or 0) == pytest.approx(float(found.monthly) / 10)


def test_it_reckons_with_what_returns_left():
    kept = Summary(accepted=10, failed=10, revenue=Decimal(360), returned=Decimal(90))
    assert metrics.economics(kept, 30).one_percent == Decimal("7.2")


@pytest.mark.parametrize(
    ("summary", "monthly"), [(Summary(), 0), (Summary(failed=5), 5), (Summary(rejected=3), 3)]
)
def test_it_promises_nothing_where_nothing_was_sold(summary: Summary, monthly: float):
    found = metrics.economics(summary, 30)
    assert found.revenue is found.cost is found.margin is found.lost is found.one_percent is None
    assert found.monthly == monthly


def test_it_promises_nothing_where_everything_is_delivered():
    all_of_them = Summary(accepted=10, revenue=Decimal(450), cost=Decimal(150))
    assert metrics.economics(all_of_them, 30).one_percent is None
