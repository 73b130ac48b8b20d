"""The buyers' mail server, spoken to by smtplib and piece by piece."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.buyers import Buyers, running_buyers
from leadops.buyers.mail import MAX_LINE, Conversation, Letter

MESSAGE = "Subject: A lead\r\nMessage-ID: <dlv_1@leads.example>\r\n\r\nAnn\r\n..dots\r\n.\r\nend"
SESSION = (
    b"EHLO me\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<leads@x.example>\r\nDATA\r\n"
    b"Subject: One\r\n\r\n..Body\r\n.\r\nQUIT\r\n"
)


@pytest.fixture
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


def test_it_takes_a_message_and_shows_it_in_the_log(buyers: Buyers) -> None:
    with smtplib.SMTP("127.0.0.1", buyers.mail_port, timeout=10) as client:
        client.sendmail("leads@us.example", ["leads@buyer.example"], MESSAGE)
    (entry,) = buyers.log(path="/mail/leads@buyer.example")
    assert (entry["method"], entry["status"]) == ("MAIL", 250)
    assert entry["headers"]["Subject"] == "A lead"
    assert entry["body"] == "Ann\r\n..dots\r\n.\r\nend"
    assert entry["idempotency_key"] == "<dlv_1@leads.example>"


@pytest.mark.parametrize(("address", "code"), [("refuse@b.example", 550), ("later@b.example", 451)])
def test_it_refuses_those_whose_address_says_so(buyers: Buyers, address: str, code: int) -> None:
    with (
        smtplib.SMTP("127.0.0.1", buyers.mail_port, timeout=10) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused) as caught,
    ):
        client.sendmail("leads@us.example", [address], MESSAGE)
    assert caught.value.recipients[address][0] == code
    assert buyers.log() == []


@given(st.lists(st.integers(0, len(SESSION)), max_size=12))
def test_it_hears_the_same_in_whatever_pieces_it_comes(cuts: list[int]) -> None:
    letters: list[Letter] = []
    talk = Conversation(letters.append)
    places = [0, *sorted(cuts), len(SESSION)]
    said = b"".join(talk.feed(SESSION[a:b]) for a, b in pairwise(places))
    assert letters == [Letter("leads@x.example", b"Subject: One", b".Body")]
    assert said.count(b"\r\n") == 8
    assert talk.over


@given(st.binary(max_size=200))
def test_it_survives_whatever_it_is_told(data: bytes) -> None:
    Conversation(lambda _: None).feed(data)


def test_it_takes_nothing_without_an_address_and_no_line_without_end() -> None:
    letters: list[Letter] = []
    talk = Conversation(letters.append)
    assert talk.feed(b"DATA\r\n").startswith(b"503")
    assert talk.feed(b"x" * (MAX_LINE + 1)).startswith(b"500")
    assert (talk.over, letters) == (True, [])


@pytest.mark.parametrize(
    ("sent", "letter"),
    [
        (b".\r\n", Letter("a@b.example", b"", b"")),
        (b"\r\n.\r\n", Letter("a@b.example", b"", b"")),
        (b"..\r\n.\r\n", Letter("a@b.example", b".", b"")),
    ],
)
def test_it_takes_odd_messages(sent: bytes, letter: Letter) -> None:
    letters: list[Letter] = []
    talk = Conversation(letters.append)
    said = talk.feed(b"RCPT TO:<a@b.example>\r\nDATA\r\n" + sent + b"NOOP\r\n")
    assert letters == [letter]
    assert said.endswith(b"queued\r\n250 OK\r\n")
