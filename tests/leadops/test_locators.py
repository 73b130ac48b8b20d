"""Addresses as those see them who only read."""

from __future__ import annotations

import pytest

from leadops.lib import locators


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example.com/leads?v=2", "https://api.example.com/leads?v=2"),
        ("https://me:word@api.example.com/leads", "https://•••@api.example.com/leads"),
        (
            "https://api.example.com/leads?token=abc&v=2",
            "https://api.example.com/leads?token=•••&v=2",
        ),
        ("https://api.example.com/{{lead.id}}@home", "https://api.example.com/{{lead.id}}@home"),
    ],
)
def test_it_masks_what_is_secret_in_an_address(url, shown):
    assert locators.without_secrets(url) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mailto://ops@example.com", "mailto://ops@example.com"),
        ("mailto://user:word@mail.example", "mailto://•••"),
        ("https://hooks.example.com/T0/B0/key", "https://hooks.example.com/•••"),
        ("https://user:word@hooks.example.com/", "https://hooks.example.com"),
        ("slack://token-a/token-b", "slack://•••"),
        ("no address at all", "•••"),
    ],
)
def test_it_says_where_a_channel_leads_and_no_more(url, shown):
    assert locators.place(url) == shown
