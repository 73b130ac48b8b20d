"""Outbound HTTP: one guarded door, its messages and its errors."""

from leadops.lib.http.door import USER_AGENT, Door, request_target
from leadops.lib.http.errors import HttpError
from leadops.lib.http.messages import Reply, Request

__all__ = ["USER_AGENT", "Door", "HttpError", "Reply", "Request", "request_target"]
