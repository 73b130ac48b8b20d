"""What every transport keeps to. A transport's test class inherits these tests."""

from __future__ import annotations

import time

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.transports import Job, Transport, TransportError
from tests.leadops.http.servers import free_port, full_backlog, raw_server


class AnyTransportContract:
    """Whatever the protocol. Subclasses give `transport`, and `job_at(port)`: a job for an endpoint
    whose server is there."""

    transport: Transport

    def job_at(self, port: int, *, host: str = "127.0.0.1", **settings: object) -> Job:
        raise NotImplementedError

    def send(self, job: Job, door: Door):  # type: ignore[no-untyped-def]
        return self.transport.send(self.transport.build(job), job=job, door=door)

    def failure(self, job: Job, door: Door) -> TransportError:
        with pytest.raises(TransportError) as caught:
            self.send(job, door)
        return caught.value

    def test_it_builds_the_same_message_for_the_same_job(self) -> None:
        assert self.transport.build(self.job_at(9)) == self.transport.build(self.job_at(9))

    def test_it_builds_without_a_network(self) -> None:
        assert self.transport.build(self.job_at(9, host="buyer.invalid"))

    def test_it_tells_that_nothing_was_sent(self, door: Door) -> None:
        assert not self.failure(self.job_at(free_port()), door).may_have_arrived
        assert not self.failure(self.job_at(9, host="buyer.invalid"), door).may_have_arrived

    def test_it_keeps_to_its_deadline(self, door: Door) -> None:
        with full_backlog() as port:
            assert not self.failure(self.job_at(port, timeout=0.3), door).may_have_arrived

    def test_it_ends_a_conversation_at_its_deadline(self, door: Door) -> None:
        with raw_server(lambda conn: time.sleep(60)) as server:
            started = time.monotonic()
            self.failure(self.job_at(server.port, timeout=0.3), door)
        assert time.monotonic() - started < 30  # and not the minute that the server sleeps

    def test_it_refuses_private_addresses(self) -> None:
        with raw_server(lambda conn: None) as server:
            failure = self.failure(self.job_at(server.port), Door())
            assert failure.category == "security"
            assert not failure.may_have_arrived
            assert server.connections == 0


class TransportContract(AnyTransportContract):
    """For those that speak HTTP. Subclasses give `transport`, and `job(url)`."""

    def job(self, url: str, **settings: object) -> Job:
        raise NotImplementedError

    def job_at(self, port: int, *, host: str = "127.0.0.1", **settings: object) -> Job:
        return self.job(f"http://{host}:{port}/", **settings)

    def test_it_returns_an_answer_whatever_its_status(self, buyers: Buyers, door: Door) -> None:
        assert self.send(self.job(buyers.url + "/accept"), door).status == 200
        assert self.send(self.job(buyers.url + "/error"), door).status == 500

    def test_it_sends_the_idempotency_key_and_the_attempt(self, buyers: Buyers, door: Door) -> None:
        buyers.clear()
        url = buyers.url + "/b/contract/accept"
        self.send(self.job(url, idempotency_key="dlv_contract", attempt=3), door)
        (entry,) = buyers.log(idempotency_key="dlv_contract")
        assert entry["headers"]["X-Attempt"] == "3"

    def test_it_marks_test_leads(self, buyers: Buyers, door: Door) -> None:
        buyers.clear()
        url = buyers.url + "/b/marks/accept"
        self.send(self.job(url, test=True), door)
        self.send(self.job(url, test=False), door)
        first, second = buyers.log(path="/b/marks")
        assert first["headers"]["X-LeadOps-Test"] == "1"
        assert "X-LeadOps-Test" not in second["headers"]

    def test_it_tells_that_it_may_have_arrived(self, buyers: Buyers, door: Door) -> None:
        for path in ("/hang", "/reset", "/reset?when=in", "/dribble"):
            with pytest.raises(TransportError) as caught:
                self.send(self.job(buyers.url + path, timeout=0.3), door)
            assert caught.value.may_have_arrived
            assert not caught.value.answered

    def test_it_tells_an_answer_that_cannot_be_read(self, buyers: Buyers, door: Door) -> None:
        for path in ("/garbage", "/endless", "/gzip-bomb"):
            with pytest.raises(TransportError) as caught:
                self.send(self.job(buyers.url + path), door)
            assert caught.value.answered
