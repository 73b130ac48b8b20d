from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients import addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://api.buyer.com/leads/{{lead.id}}?x={{lead.email}}",
        "mailto:leads@buyer.com",
        "mailto:leads@buyer.com, desk@bücher.example",
        "mailto:{{recipient.mailbox}}",
        "mailto:leads@{{recipient.domain}}",
        "mailto:${DESK}",
        "sftp://files.buyer.com/leads/",
        "sftp://files.buyer.com:2022",
        "sftp://files.buyer.com/~/in/{{flow.slug}}/",
        "sftp://files.buyer.com/{{recipient.folder}}/{{source.slug}}",
    ],
)
def test_it_takes_addresses_that_staff_choose(url: str) -> None:
    addresses.check(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("api.buyer.com/leads", "whole address"),
        ("https://", "whole address"),
        ("mailto:", "at least one"),
        ("mailto:leads", "no mail address"),
        ("mailto:a b@buyer.com", "no mail address"),
        ("mailto:leads@buyer.com?subject=x", "options"),
        ("mailto:{{lead.email}}", "addressee"),
        ("mailto:{{email}}", "addressee"),
        ("mailto:{{recipient.x}}@{{lead.domain}}", "addressee"),
        ("sftp://{{lead.host}}/in/", "server"),
        ("sftp://files.buyer.com/{{lead.state}}/", "folder"),
        ("sftp://files.buyer.com/{{#if lead.x}}a{{else}}b{{/if}}/", "folder"),
        ("sftp://ann:word@files.buyer.com/in/", "credentials"),
        ("sftp://files.buyer.com/in/../etc/", "without"),
        ("sftp://files.buyer.com/in?x=1", "ends with the folder"),
        ("sftp://files.buyer.com/" + "a/" * 17, "folders deep"),
    ],
)
def test_it_says_why_an_address_cannot_be_one(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        addresses.check(url)


def test_it_reads_mailboxes() -> None:
    assert addresses.mailboxes("mailto://ops@a.example,b@b.example") == (
        "ops@a.example",
        "b@b.example",
    )


@given(st.text(max_size=60))
def test_it_takes_no_mailbox_that_could_be_a_command(text: str) -> None:
    try:
        found = addresses.mailbox_list(text)
    except ValueError:
        return
    for one in found:
        assert not set(one) & set("\r\n <>,;\0")


@given(st.text(max_size=60))
def test_it_gives_no_folder_that_climbs(path: str) -> None:
    try:
        folder = addresses.folders(f"sftp://files.example/{path}")
    except ValueError:
        return
    assert ".." not in folder.split("/")
    assert folder.startswith("/")
