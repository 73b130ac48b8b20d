"""Ping/post: the best bid gets the lead."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from flows.patterns import Ask, Bid, Candidate, Done, Send, Situation, Try, TryState, Wait
from flows.patterns.ping_post import PingPost, offers
from tests.flows.patterns.contract import PatternContract, amounts, candidate_lists

A, B, C, POOL = Candidate("a"), Candidate("b"), Candidate("c"), Candidate("pool")


def bids(**amounts):
    return tuple(
        Bid(name, None if amount is None else Decimal(amount)) for name, amount in amounts.items()
    )


class TestPingPost(PatternContract):
    pattern = PingPost()

    def decide(self, *candidates, **facts):
        return self.pattern.decide(Situation(candidates, **facts))

    def test_it_asks_all_at_once(self):
        assert self.decide(A, B, A) == Ask((A, B))

    def test_it_posts_to_the_highest_bid_at_that_price(self):
        decision = self.decide(A, B, C, bids=bids(a=10, b=30, c=20))
        assert decision == Send((replace(B, price=Decimal(30)),))

    def test_it_goes_on_to_the_next_highest_after_a_failure(self):
        tries = (Try("b", TryState.FAILED),)
        decision = self.decide(A, B, C, bids=bids(a=10, b=30, c=20), tries=tries)
        assert decision == Send((replace(C, price=Decimal(20)),))

    def test_it_waits_for_the_winners_answer(self):
        tries = (Try("b", TryState.WAITING),)
        assert self.decide(A, B, bids=bids(a=1, b=2), tries=tries) == Wait()

    def test_it_ranks_by_what_remains_after_margin_and_penalty(self):
        greedy = Candidate("a", margin=Decimal("0.2"))
        returning = Candidate("b", penalty=Decimal("0.5"))
        decision = self.decide(greedy, returning, C, bids=bids(a=30, b=40, c=25))
        assert decision == Send((replace(C, price=Decimal(25)),))

    def test_it_lets_the_list_decide_between_equal_bids(self):
        decision = self.decide(B, A, bids=bids(a=10, b=10))
        assert decision == Send((replace(B, price=Decimal(10)),))

    def test_it_posts_to_nobody_below_the_minimum_or_without_a_bid(self):
        choosy = Candidate("a", minimum_bid=Decimal(20))
        decision = self.decide(choosy, B, C, bids=bids(a=19, b=None))
        assert decision == Done(False, "No bid to take: 1 below the minimum, 2 without a bid")

    def test_it_takes_a_bid_of_the_minimum_and_one_of_nothing(self):
        choosy = Candidate("a", minimum_bid=Decimal(20))
        assert isinstance(self.decide(choosy, bids=bids(a=20)), Send)
        assert isinstance(self.decide(B, bids=bids(b=0)), Send)

    def test_it_does_not_ask_who_has_a_static_bid(self):
        static = Candidate("s", static_bid=Decimal(15))
        assert self.decide(static, A) == Ask((A,))
        decision = self.decide(static, A, bids=bids(a=10))
        assert decision == Send((replace(static, price=Decimal(15)),))
        assert isinstance(self.decide(static), Send)

    def test_it_hands_to_the_pool_what_nobody_bid_for(self):
        assert self.decide(A, remediation=POOL, bids=bids(a=None)) == Send((POOL,))

    def test_it_hands_to_the_pool_what_no_bidder_took(self):
        tries = (Try("a", TryState.DECLINED),)
        assert self.decide(A, remediation=POOL, bids=bids(a=5), tries=tries) == Send((POOL,))

    @given(candidate_lists, st.lists(st.builds(Bid, st.sampled_from("abcdef"), amounts)))
    def test_it_ranks_every_offer_that_counts_from_the_best_down(self, candidates, given):
        ranked = offers(Situation(candidates, bids=tuple(given)))
        values = [offer.value for offer in ranked]
        assert values == sorted(values, reverse=True)
        assert all(offer.amount >= (offer.candidate.minimum_bid or 0) for offer in ranked)
