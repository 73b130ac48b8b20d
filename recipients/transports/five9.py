"""Records on Five9's dialing lists, by Web2Campaign.

https://documentation.five9.com/bundle/api-web2campaign/page/web2campaign/landing-web2campaign.htm
and the Web2Campaign Developer's and Administrator's Guide: a form is posted to AddToList, with
F9domain, F9list and number1; F9key names the fields that tell records apart, F9updateCRM writes
over a record that is there, F9CallASAP puts it first, F9TimeToCall with F9TimeFormat (Java's
SimpleDateFormat) says when, and F9retResults=1 asks for an HTML page with F9errCode and F9errDesc.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leadops.lib.http import Reply, Request
from recipients.callwindow import CallWindow
from recipients.mapping import RenderError, Template
from recipients.plan import BodyFormat, EndpointPlan
from recipients.responses.reading import Reading
from recipients.responses.selectors import compile_selector
from recipients.transports.base import Job
from recipients.transports.bodies import CONTENT_TYPES, Message, form_body, message_of
from recipients.transports.errors import NotSendable
from recipients.transports.http import HttpTransport, below, beside

MARK: Final = "/web2campaign/"
PATH: Final = "/web2campaign/AddToList"
TIME_FORMAT: Final = "yyyy-MM-dd HH:mm:ss Z"
CODE: Final = "css:#F9errCode@value"
DESCRIPTION: Final = "css:#F9errDesc@value"
# The domain is switched off or not there: nothing will be taken until somebody looks.
CLOSED: Final = frozenset({"716", "718"})

_CODE: Final = compile_selector(CODE)
_DESCRIPTION: Final = compile_selector(DESCRIPTION)


class Five9Transport(HttpTransport):
    """One record a delivery."""

    def build(self, job: Job) -> Request:
        endpoint = replace(job.endpoint, method="POST", format=BodyFormat.FORM)
        return super().build(replace(job, endpoint=endpoint))

    def address(self, job: Job) -> str:
        return below(super().address(job), PATH, mark=MARK)

    def message(self, job: Job) -> Message:
        try:
            own = _parameters(job)
        except RenderError as error:
            raise NotSendable("An option cannot be rendered", str(error)) from error
        options = {**job.endpoint.options, "form_lists": "repeat"}  # of F9key there are several
        # What the mapping says itself is left as it is.
        message = message_of({**own, **job.payload}, replace(job.endpoint, options=options))
        return replace(message, headers={**message.headers, "Accept": "text/html, */*;q=0.5"})


def _parameters(job: Job) -> dict[str, Any]:
    """What Web2Campaign is told besides the record's fields."""
    options = job.endpoint.options
    found: dict[str, Any] = {
        "F9domain": options.get("domain"),
        "F9list": _text(options.get("list"), job),
        "F9retResults": "1",
        "F9updateCRM": "1" if options.get("update_crm", True) else "0",
    }
    if not found["F9list"]:
        raise NotSendable("No list", "its name comes out blank")
    keys = [name.strip() for name in (options.get("key") or "number1").split(",") if name.strip()]
    found["F9key"] = keys[0] if len(keys) == 1 else keys
    found |= _timing(job)
    for name in ("priority", "max_attempts", "timezone"):
        if target := options.get(f"{name}_field"):
            found[target] = _written(options.get(name), job)
    return {name: value for name, value in found.items() if value not in ("", None)}


def _timing(job: Job) -> dict[str, str]:
    """When the number may be dialed, if that is not left to the campaign."""
    options = job.endpoint.options
    asap = {"F9CallASAP": "1"} if options.get("call_asap") else {}
    if not options.get("call_window"):
        return asap
    now = job.context.get("now")
    now = now if isinstance(now, datetime) else datetime.now(UTC)
    zone = _zone(_text(options.get("timezone"), job))
    moment = CallWindow.parse(options["call_window"]).next(now, zone)
    if moment <= now:
        return asap
    return {"F9TimeToCall": f"{moment:%Y-%m-%d %H:%M:%S %z}", "F9TimeFormat": TIME_FORMAT}


def _zone(name: str) -> ZoneInfo:
    """Nobody is called at an hour that nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NotSendable("Time zone of the lead is not known", name or "it is blank") from error


def _text(template: Template | None, job: Job) -> str:
    return "" if template is None else template.text(job.context).strip()


def _written(value: Any, job: Job) -> Any:
    return _text(value, job) if isinstance(value, Template) else value


def probe_request(job: Job) -> Request:
    """A record without a number, which is never added: the answer says whether the domain is
    known."""
    options: Mapping[str, Any] = job.endpoint.options
    # A list's name may be made of a lead's values, of which there are none.
    fields = {"F9domain": options.get("domain"), "F9list": "-", "F9retResults": "1"}
    url = below(HttpTransport().address(job), PATH, mark=MARK)
    form, type = form_body(fields), CONTENT_TYPES[BodyFormat.FORM]
    return beside(job, "POST", url, purpose="probe", body=form, type=type)


def probe_problem(reply: Reply, endpoint: EndpointPlan) -> str:
    reading = Reading(reply)
    code = next(iter(reading.texts(_CODE)), "")
    said = next(iter(reading.texts(_DESCRIPTION)), "")
    if not reply.ok:
        return said or f"Five9 answers {reply.status}"
    if not code:
        return "The answer has no F9errCode: is this Five9's address?"
    return f"{said or 'Domain refused'} ({code})" if code in CLOSED else ""
