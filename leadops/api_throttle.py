"""How often a caller may ask the API: leads by the thousand, everything else less often.

Counted in memory, by each web process its share of the rate: a limit costs no query. So it is
exact where a caller's connections are spread over the processes, as they are by many of them; over
a single connection a caller reaches only the share of one process.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from leadops.lib.access import Caller, Principal
from leadops.lib.throttle import Throttle

BURST_SECONDS = 2  # what may come at once, after a rest: the calls of so many seconds


class ByCaller(BaseThrottle):
    """A source's posts by LEADOPS_INTAKE_RATE, all other calls by LEADOPS_API_RATE.

    Who shows no key is let through: there the views themselves say no, or count otherwise.
    """

    seconds = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        principal: Any = request.user
        if not isinstance(principal, Principal):
            return True
        is_lead = principal.kind is Caller.SOURCE and request.method == "POST"
        rate = settings.LEADOPS_INTAKE_RATE if is_lead else settings.LEADOPS_API_RATE
        if rate:
            bucket = _bucket(rate / settings.LEADOPS_WEB_WORKERS, "lead" if is_lead else "call")
            self.seconds = bucket.wait(principal.pk)
        return not self.seconds

    def wait(self) -> float:
        return self.seconds


@functools.cache
def _bucket(rate: float, _kind: str) -> Throttle:
    """This process's, for so many calls a second."""
    return Throttle(rate * 60, burst=math.ceil(rate * BURST_SECONDS))
