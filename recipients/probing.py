"""Whether a service knows us: a cheap call that sends no lead and changes nothing."""

from __future__ import annotations

import time
from dataclasses import replace

from leadops.lib.http import Door, HttpError
from recipients.auth import SCHEMES, AuthError, Keyring, Session
from recipients.integrations import integration_for
from recipients.plan import Context, EndpointPlan, RecipientPlan
from recipients.transports import Job, TransportError


def can_probe(endpoint: EndpointPlan) -> bool:
    return integration_for(endpoint.integration).probe is not None


def probe(
    plan: RecipientPlan,
    endpoint: EndpointPlan,
    context: Context,
    *,
    door: Door,
    keyring: Keyring,
    timeout: float,
) -> str:
    """What is wrong, without secrets; "" where the service took the call.

    Of credentials that are being changed either value may be the good one.
    """
    other = plan.second.endpoint(endpoint.id) if plan.second else None
    problem = ""
    for each in filter(None, (endpoint, other)):
        found = _problem(each, context, door=door, keyring=keyring, timeout=timeout)
        if not found:
            return ""
        problem = problem or plan.redactor.text(found)
    return problem


def _problem(
    endpoint: EndpointPlan, context: Context, *, door: Door, keyring: Keyring, timeout: float
) -> str:
    call = integration_for(endpoint.integration).probe
    if call is None:
        raise ValueError(f"{endpoint.integration} has no probe")
    session = Session(keyring.tokens, deadline=time.monotonic() + timeout)
    job = Job({}, endpoint, context, 1, "probe", timeout, test=True, session=session)
    auth = endpoint.auth
    try:
        request = replace(call.request(job), timeout=timeout)
        reply = SCHEMES[auth.kind].send(request, auth=auth, session=session, way=door.send)
    except (AuthError, TransportError) as error:
        return str(error)
    except HttpError as error:
        return error.message
    return call.problem(reply, endpoint)
