"""JSON services that want a token: a login call first, its token with every question."""

from __future__ import annotations

from typing import Final

from flows.services.base import Service

JSON: Final = Service(
    name="token.json",
    label="JSON with a token of a login call",
    auth="login",
    help="A login call gives a token, which is kept until it ends; what is sent and appended are "
    "said in the step.",
)
