"""The demo's configuration: its bundle, and credentials made once for this home."""

from __future__ import annotations

import os
import secrets as tokens
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from leadops.config import loading
from leadops.config.references import REFERENCE, hide, reveal
from recipients.models import Secret

BUNDLE = Path(__file__).with_name("bundle.yaml")


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    role: str
    password: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What the stream needs of the bundle: keys by slug, and which source sends to which flow."""

    logins: tuple[Login, ...]
    source_keys: Mapping[str, str]
    partner_keys: Mapping[str, str]
    routes: tuple[tuple[str, str], ...]  # flow, source


def load(path: Path = BUNDLE) -> Setting:
    """Load the bundle where its flows are not there yet; what staff changed since stays."""
    from flows.models import Flow

    data = path.read_bytes()
    values = _credentials(data.decode())
    document = _document(data.decode(), values)
    slugs = [flow["slug"] for flow in document.get("flows", [])]
    if Flow.objects.filter(slug__in=slugs).count() < len(slugs):
        loading.load(data, name=path.name, by="demo")
    return _setting(document)


def _credentials(text: str) -> dict[str, str]:
    """A value for every `${NAME}`: the environment's, the one kept before, or a fresh one.

    They are kept with the stored secrets: web and workers resolve the same names there.
    """
    kept = dict(Secret.objects.values_list("name", "value"))
    values = {}
    for name in sorted(set(REFERENCE.findall(text))):
        value = os.environ.get(name) or kept.get(name)
        if not value:
            # A password is typed by people; a key is not.
            value = (
                f"demo-{tokens.token_hex(4)}" if "PASSWORD" in name else tokens.token_urlsafe(24)
            )
            Secret.objects.create(name=name, value=value)
        values[name] = value
    return values


def _document(text: str, values: Mapping[str, str]) -> Any:
    """The bundle as plain values, with its references filled in."""
    return _filled(yaml.safe_load(hide(text)), values)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: values[match[1]], reveal(value))
    return value


def _setting(document: Mapping[str, Any]) -> Setting:
    def keys(section: str) -> dict[str, str]:
        return {each["slug"]: each["key"] for each in document.get(section, []) if "key" in each}

    return Setting(
        logins=tuple(
            Login(each["username"], each.get("role", "ops"), each.get("password", ""))
            for each in document.get("accounts", [])
        ),
        source_keys=keys("sources"),
        partner_keys=keys("recipients"),
        routes=tuple(
            (flow["slug"], terms["source"] if isinstance(terms, dict) else terms)
            for flow in document.get("flows", [])
            for terms in flow.get("sources", [])
        ),
    )
