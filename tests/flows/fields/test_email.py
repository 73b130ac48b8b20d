"""E-mail addresses."""

from __future__ import annotations

import pytest

from flows.fields import parse


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
        ('"a b"@example.com', "has a blank inside"),
        ('"a"@example.com', "before the @"),
        ("a@b@example.com", "before the @"),
        ("John <a@b.co>", "has a blank inside"),
        ("a@b..co", "has a domain that cannot exist"),
        ("a@-b.co", "has a domain that cannot exist"),
        ("a@b.c", "has a domain that cannot exist"),
        ("a@1.2.3.4", "has a domain that cannot exist"),
        ("a@[1.2.3.4]", "has a domain that cannot exist"),
        ("a@b_c.co", "has a domain that cannot exist"),
        ("a@example.com.", "has a domain that cannot exist"),
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


@pytest.mark.parametrize("raw", ["a@gmail.com", "user@GMAIL.com", "a@Yahoo.co.uk", "a@proton.me"])
def test_it_knows_free_mailboxes(raw):
    assert parse("email", raw).components["is_free"]


@pytest.mark.parametrize("raw", ["a@mailinator.com", "a@x.MAILINATOR.com", "a@yopmail.com"])
def test_it_knows_disposable_mailboxes(raw):
    assert parse("email", raw).components["is_disposable"]


@pytest.mark.parametrize("raw", ["a@example.com", "a@notgmail.com", "a@notmailinator.com"])
def test_it_does_not_suspect_others(raw):
    components = parse("email", raw).components
    assert not components["is_free"]
    assert not components["is_disposable"]
