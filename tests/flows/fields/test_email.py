"""E-mail addresses."""

from __future__ import annotations

import pytest

from flows.fields import parse
from flows.fields.domains import ascii_domain
from flows.fields.email import DISPOSABLE, FREE
from flows.fields.kept_lists import spelt_out


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("john@example.com", "john@example.com"),
        (" John.Doe+tag@EXAMPLE.com ", "john.doe+tag@example.com"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("a@b.co.uk", "a@b.co.uk"),
        ("1@2.museum", "1@2.museum"),
        ("x@münchen.de", "x@xn--mnchen-3ya.de"),
        ("x@MÜNCHEN.de", "x@xn--mnchen-3ya.de"),
        ("x@例え。jp", "x@xn--r8jz45g.jp"),
        ("jörg@example.com", "jörg@example.com"),
        ("ａ＠ｂ．ｃｏ", "a@b.co"),
        ('"john.doe"@example.com', "john.doe@example.com"),
        ("x@straße.de", "x@xn--strae-oqa.de"),
        ("x@FAẞ.de", "x@xn--fa-hia.de"),
        ("x@XN--MNCHEN-3YA.de", "x@xn--mnchen-3ya.de"),
        ("x@b.рф", "x@b.xn--p1ai"),
        ("عنوان@مثال.إختبار", "عنوان@xn--mgbh0fb.xn--kgbechtv"),
        ("gm\u00adail@b.co", "gmail@b.co"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_it_takes_addresses_that_can_get_mail(raw, normal):
    value = parse("email", raw)
    assert (value.valid, value.normal) == (True, normal)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("invalid-email", "has no @"),
        ("user@domain", "has a domain without a dot"),
        ("@example.com", "has nothing before the @"),
        ("a b@example.com", "has a blank inside"),
        ("john@example. com", "has a blank inside"),
        (".a@example.com", "before the @"),
        ("a..b@example.com", "before the @"),
        ("a.@example.com", "before the @"),
        ('"a b"@example.com', "has a quoted part before the @"),
        ('"a..b"@example.com', "has a quoted part before the @"),
        ('""@example.com', "has a quoted part before the @"),
        ('"a@example.com', "has characters or dots before the @"),
        ("a@b@example.com", "has more than one @"),
        ("a@b.co;c@d.co", "has more than one @"),
        ("mailto:a@b.co", "has characters or dots before the @"),
        ("John <a@b.co>", "has a blank inside"),
        ("a@b..co", "has a domain that cannot exist"),
        ("a@-b.co", "has a domain that cannot exist"),
        ("a@b.c", "has a domain that cannot exist"),
        ("a@1.2.3.4", "has a domain that cannot exist"),
        ("a@[1.2.3.4]", "has a domain that cannot exist"),
        ("a@b_c.co", "has a domain that cannot exist"),
        ("a@example.com.", "ends in a dot"),
        ("a@xn--zzz--.com", "has a domain that cannot exist"),
        ("a@xn--a.com", "has a domain that cannot exist"),
        ("a@a\u200d.com", "has a domain that cannot exist"),
        (f"a@{'b' * 64}.com", "has a domain that cannot exist"),
        (f"{'a' * 65}@example.com", "has more than 64 characters before the @"),
        (f"{'a' * 60}@{'b.' * 100}com", "is longer than 254 characters"),
    ],
)
def test_it_says_what_is_wrong(raw, reason):
    value = parse("email", raw)
    assert not value.valid
    assert reason in value.reason


@pytest.mark.parametrize(
    ("raw", "domain", "host", "tld"),
    [
        ("a@b.co.uk", "b.co.uk", "b", "co.uk"),
        ("a@mail.example.com", "mail.example.com", "mail.example", "com"),
        ("a@x.com.au", "x.com.au", "x", "com.au"),
        ("a@co.uk", "co.uk", "co", "uk"),
    ],
)
def test_it_knows_where_the_ending_begins(raw, domain, host, tld):
    components = parse("email", raw).components
    assert (components["domain"], components["host"], components["tld"]) == (domain, host, tld)


@pytest.mark.parametrize(
    "raw",
    [
        "a@gmail.com",
        "user@GMAIL.com",
        "a@Yahoo.co.uk",
        "a@proton.me",
        "a@hotmail.co.nz",
        "a@yahoo.com.br",
        "a@gmx.at",
        "a@mail.ru",
    ],
)
def test_it_knows_free_mailboxes(raw):
    assert parse("email", raw).components["is_free"]


@pytest.mark.parametrize("raw", ["a@mailinator.com", "a@x.MAILINATOR.com", "a@yopmail.com"])
def test_it_knows_disposable_mailboxes(raw):
    assert parse("email", raw).components["is_disposable"]


@pytest.mark.parametrize(
    "raw", ["a@example.com", "a@notgmail.com", "a@mail.gmail.com.example", "a@xmailinator.org.uk"]
)
def test_it_does_not_suspect_others(raw):
    components = parse("email", raw).components
    assert not components["is_free"]
    assert not components["is_disposable"]


def test_it_keeps_its_lists_whole():
    assert len(FREE) > 400
    assert len(DISPOSABLE) > 5000
    assert not FREE & DISPOSABLE
    assert all(ascii_domain(domain) == domain for domain in FREE)


def test_a_list_may_name_a_providers_countries_together():
    assert spelt_out("yahoo.{com,co.uk}") == ["yahoo.com", "yahoo.co.uk"]
    assert spelt_out("mac.com") == ["mac.com"]
