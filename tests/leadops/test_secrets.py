from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from leadops.lib import secrets


def test_it_gives_back_what_was_encrypted() -> None:
    token = secrets.encrypt("pässword")
    assert "pässword" not in token
    assert secrets.decrypt(token) == "pässword"


def test_old_tokens_stay_readable_after_a_new_key_is_put_in_front(
    settings: Settings,
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.LEADOPS_SECRETS_KEY = old
    token = secrets.encrypt("kept")
    settings.LEADOPS_SECRETS_KEY = f"{new}, {old}"
    assert secrets.decrypt(token) == "kept"
    rotated = secrets.rotate(token)
    settings.LEADOPS_SECRETS_KEY = new
    assert secrets.decrypt(rotated) == "kept"


def test_it_says_when_the_key_is_gone(settings: Settings) -> None:
    token = secrets.encrypt("lost")
    settings.LEADOPS_SECRETS_KEY = Fernet.generate_key().decode()
    with pytest.raises(secrets.Unreadable):
        secrets.decrypt(token)


def test_any_text_serves_as_a_key(settings: Settings) -> None:
    settings.LEADOPS_SECRETS_KEY = "correct horse battery staple"
    assert secrets.decrypt(secrets.encrypt("x")) == "x"


def test_search_digests_are_keyed_by_kind_and_secret(settings: Settings) -> None:
    email = secrets.search_digest("email", "a@example.com")
    assert len(email) == 16
    assert email == secrets.search_digest("email", "a@example.com")
    assert email != secrets.search_digest("phone", "a@example.com")
    old = settings.LEADOPS_SECRETS_KEY
    settings.LEADOPS_SECRETS_KEY = f"a new key, {old}"
    assert email == secrets.search_digest("email", "a@example.com")
    settings.LEADOPS_SECRETS_KEY = "another"
    assert email != secrets.search_digest("email", "a@example.com")


def test_api_keys_differ_and_are_found_by_their_hash() -> None:
    one, other = secrets.new_key("src"), secrets.new_key("src")
    assert one != other
    assert one.startswith("src_")
    assert len(secrets.hash_key(one)) == 64
    assert secrets.same(secrets.hash_key(one), secrets.hash_key(one))
    assert not secrets.same(secrets.hash_key(one), secrets.hash_key(other))
