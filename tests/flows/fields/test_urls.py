"""Web addresses, certificates and addresses of machines."""

from __future__ import annotations

import pytest

from flows.fields import parse

CERTIFICATE = "https://cert.trustedform.com/2605ec3a321e1b3a41addf0bba1213505ef57985"


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("https://google.com/search?q=Hi#Results", "https://google.com/search?q=Hi#Results"),
        ("  HTTPS://Google.com/Search  ", "https://google.com/Search"),
        ("http://example.com:8080/a", "http://example.com:8080/a"),
        ("example.com", "http://example.com"),
        ("www.example.com/page?x=1", "http://www.example.com/page?x=1"),
        ("http://127.0.0.1:9100/x", "http://127.0.0.1:9100/x"),
        ("http://[::1]/x", "http://[::1]/x"),
        ("http://localhost:8000/", "http://localhost:8000/"),
        ("https://münchen.de/weg", "https://xn--mnchen-3ya.de/weg"),
        ("https://example.com/straße", "https://example.com/straße"),
    ],
)
def test_it_reads_web_addresses(raw, normal):
    assert parse("url", raw).normal == normal


@pytest.mark.parametrize(
    "raw",
    [
        "https://",
        "donkey://google.com",
        "ftp://a.com/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://a b.com",
        "http://",
        "http://a..b",
        "http://user:pass@a.com",
        "http://a.com:99999",
        "http://[",
        "whatever",
        "mailto:a@b.co",
        "http://a.com/" + "x" * 4000,
        "http://℀.com",
    ],
)
def test_it_refuses_what_no_browser_should_open(raw):
    assert not parse("url", raw).valid


def test_it_gives_the_parts():
    assert parse("url", "https://Google.com/search?q=hi").components == {
        "scheme": "https",
        "host": "google.com",
        "path": "/search",
        "query": "q=hi",
    }


@pytest.mark.parametrize(
    "raw",
    [
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE.replace("https://", ""),
        CERTIFICATE.upper(),
        CERTIFICATE.replace(".com/", ".com:443/"),
        CERTIFICATE + "/",
    ],
)
def test_a_certificate_has_one_address(raw):
    assert parse("trustedform_url", raw).normal == CERTIFICATE


def test_it_reads_a_certificate():
    value = parse("trustedform_url", CERTIFICATE)
    assert value.normal == CERTIFICATE
    assert value.components["certificate"] == CERTIFICATE.rpartition("/")[2]


@pytest.mark.parametrize(
    "raw",
    [
        CERTIFICATE[:-1],
        CERTIFICATE.replace("cert.", "cert.evil."),
        "https://cert.trustedform.com/",
        CERTIFICATE.replace("trustedform.com/", "trustedform.com.evil.com/"),
    ],
)
def test_it_takes_no_other_address_for_a_certificate(raw):
    assert parse("trustedform_url", raw).reason == (
        "is not the address of a TrustedForm certificate"
    )


@pytest.mark.parametrize(
    ("raw", "normal", "version"),
    [
        ("203.0.113.7", "203.0.113.7", 4),
        ("2001:DB8:0:0::1", "2001:db8::1", 6),
        ("::1", "::1", 6),
        ("::ffff:203.0.113.7", "203.0.113.7", 4),
        ("::FFFF:cb00:7107", "203.0.113.7", 4),
        ("203.0.113.7:5678", "203.0.113.7", 4),
        ("[2001:db8::1]:443", "2001:db8::1", 6),
        ("fe80::1%eth0", "fe80::1", 6),
        ("２０３.0.113.7", "203.0.113.7", 4),
    ],
)
def test_it_reads_addresses_of_machines(raw, normal, version):
    value = parse("ip", raw)
    assert (value.normal, value.components["version"]) == (normal, version)


@pytest.mark.parametrize(
    "raw", ["256.1.1.1", "1.2.3", "01.2.3.4", "example.com", 16909060, "1.2.3.4/24"]
)
def test_it_refuses_other_addresses(raw):
    assert not parse("ip", raw).valid


def test_it_says_that_a_list_of_addresses_is_none():
    assert parse("ip", "203.0.113.7, 10.0.0.1").reason == "is a list of addresses, not one"
