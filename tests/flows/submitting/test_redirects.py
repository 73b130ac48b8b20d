"""Where a browser may be sent."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.submitting.redirects import BadRedirect, host_of, is_allowed

HOSTS = ("www.example.com", "*.example.org")


@pytest.mark.parametrize(
    "url",
    ["https://www.example.com", "http://WWW.EXAMPLE.COM:8080/a?b#c", "https://a.b.example.org/"],
)
def test_allowed_hosts(url):
    assert is_allowed(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "https://evilexample.org", "https://www.example.com.evil.net/"],
)
def test_other_hosts(url):
    assert not is_allowed(url, HOSTS)


@given(st.text(alphabet="htps:/\\@.?#%wexamplco \t\r\n\0[]ü", max_size=60))
def test_what_passes_reads_alike_everywhere(tail):
    for url in (tail, f"https://www.example.com{tail}", f"https://{tail}"):
        try:
            host = host_of(url)
        except BadRedirect:
            continue
        assert url.isascii()
        assert not set(url) & set(" \t\r\n\0\\")
        parts = urlsplit(url)
        assert parts.hostname == host
        assert parts.username is None
        assert parts.scheme in ("http", "https")
