"""The names that the bundles of these tests refer to."""

from __future__ import annotations

import pytest

NAMES = {
    "OLGA_PASSWORD": "correct horse battery",
    "OLGA_API_KEY": "olga-api-key-0123456789",
    "DANA_PASSWORD": "another long password",
    "WEB_FORM_A_KEY": "web-form-a-key-0123456789",
    "WEB_FORM_A_WEBHOOK": "whsec_0123456789",
    "ABC_FEEDBACK_KEY": "abc-feedback-key-0123456789",
    "BUYER_TOKEN": "buyer-token-0123456789",
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NAMES.items():
        monkeypatch.setenv(name, value)
