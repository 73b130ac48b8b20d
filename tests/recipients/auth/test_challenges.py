from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recipients.auth.challenges import Challenge, challenges_of


def test_it_takes_a_header_of_several_challenges_apart() -> None:
    header = 'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'
    assert challenges_of(header) == [  # the example of RFC 9110 11.6.1
        Challenge("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
        Challenge("basic", {"realm": "simple"}),
    ]


def test_it_knows_a_challenge_of_one_word() -> None:
    assert challenges_of("Negotiate, NTLM TlRMTVNTUAAC==, Digest nonce=x") == [
        Challenge("negotiate", {}),
        Challenge("ntlm", {}),
        Challenge("digest", {"nonce": "x"}),
    ]


@given(st.text(max_size=200) | st.text(alphabet='Digest realm="x",=\\ ', max_size=200))
def test_no_header_breaks_it(header: str) -> None:
    for challenge in challenges_of(header):
        assert challenge.scheme == challenge.scheme.lower()
