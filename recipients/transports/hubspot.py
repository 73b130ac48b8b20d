"""Contacts in HubSpot, by its CRM API, version 3; then its lists, then its workflows.

Contacts: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
Lists: https://developers.hubspot.com/docs/api-reference/crm-lists-v3/guide
Workflows: https://developers.hubspot.com/docs/methods/workflows/add_contact (version 2, the one
that enrols), names: …/automation/v3/workflows. Account:
https://developers.hubspot.com/docs/api-reference/account-account-info-v3/guide

Every call may be repeated: an upsert writes the same values, who is on a list already is passed
over, and a contact that is in a workflow is not enrolled a second time while it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import orjson

from leadops.lib.http import Door, Reply, Request
from recipients.mapping import RenderError, Template, text_of
from recipients.plan import BodyFormat, EndpointPlan
from recipients.responses.reading import Reading
from recipients.responses.selectors import compile_selector
from recipients.transports.base import Job
from recipients.transports.bodies import Message, message_of, payload_for
from recipients.transports.errors import NotSendable
from recipients.transports.followups import FollowUpFailed, FollowUps, with_follow_ups
from recipients.transports.http import HttpTransport, below, beside

MARK: Final = "/crm/v3/objects/contacts"
CONTACTS: Final = "0-1"  # the object type of contacts
NAMES_SECONDS: Final = 300.0  # for which a list's or a workflow's name is not looked up again
MAX_NAMES: Final = 1_000
MAX_ANSWER: Final = 1_048_576
# Ids by what they are of and their names, with the moment (monotonic) until which they are known.
Names = dict[tuple[str, str], tuple[float, str]]
_JSON: Final = "application/json"
_ID: Final = tuple(map(compile_selector, ("results.0.id", "id")))
_LIST_ID: Final = compile_selector("list.listId")
_MESSAGE: Final = compile_selector("message")
_PORTAL: Final = compile_selector("portalId")


@dataclass(frozen=True, slots=True)
class _After:
    """What comes after the contact; blank: nothing."""

    list: str
    workflow: str


class HubSpotTransport(HttpTransport):
    """One contact a delivery: created, or found by its email and written again."""

    def __init__(self) -> None:
        self._names: Names = {}

    def build(self, job: Job) -> Request:
        _after(job)  # what cannot be rendered is said before anything is sent
        endpoint = replace(job.endpoint, method="POST", format=BodyFormat.JSON)
        return super().build(replace(job, endpoint=endpoint))

    def address(self, job: Job) -> str:
        path = MARK if _creates(job.endpoint) else f"{MARK}/batch/upsert"
        return below(super().address(job), path, mark=MARK)

    def message(self, job: Job) -> Message:
        properties = _properties(payload_for(job.payload, job.endpoint))
        if _creates(job.endpoint):
            return message_of({"properties": properties}, job.endpoint)
        key = job.endpoint.options.get("match_by") or "email"
        if not properties.get(key):
            raise NotSendable(f"Contact has no {key}", "HubSpot finds contacts by it")
        one = {"idProperty": key, "id": properties[key], "properties": properties}
        return message_of({"inputs": [one]}, job.endpoint)

    def send(self, request: Request, *, job: Job, door: Door) -> Reply:
        reply = super().send(request, job=job, door=door)
        after, contact = _after(job), _contact_id(reply)
        if not contact or not (after.list or after.workflow):
            return reply

        def run(follow_ups: FollowUps) -> None:
            calls = _Calls(self._names, follow_ups, urlsplit(request.url))
            if after.list:
                calls.add_to_list(after.list, contact)
            if after.workflow:
                calls.enrol(after.workflow, _email(job))

        needed = job.endpoint.options.get("follow_ups") != "optional"
        return with_follow_ups(reply, job, door, run, needed=needed)


def _creates(endpoint: EndpointPlan) -> bool:
    return endpoint.options.get("existing") == "duplicate"


def _properties(payload: Mapping[str, Any]) -> dict[str, str]:
    """HubSpot's values are texts; several of one property are written with ; between."""
    properties = {}
    for name, value in payload.items():
        if isinstance(value, Mapping):
            raise NotSendable("A contact has plain properties", f"{name} is an object")
        if isinstance(value, list | tuple):
            properties[str(name)] = ";".join(text_of(each) for each in value)
        elif value is not None:
            properties[str(name)] = text_of(value)
    return properties


def _email(job: Job) -> str:
    return _properties(payload_for(job.payload, job.endpoint)).get("email", "")


def _after(job: Job) -> _After:
    options = job.endpoint.options
    try:
        return _After(
            _text(options.get("list"), job),
            _text(options.get("workflow"), job),
        )
    except RenderError as error:
        raise NotSendable("List or workflow cannot be rendered", str(error)) from error


def _text(template: Template | None, job: Job) -> str:
    return "" if template is None else " ".join(template.text(job.context).split())


def _contact_id(reply: Reply) -> str:
    if not reply.ok:
        return ""
    reading = Reading(reply)
    return next((text for selector in _ID for text in reading.texts(selector)), "")


@dataclass(slots=True)
class _Calls:
    """The follow-ups in HubSpot's words."""

    names: Names
    follow_ups: FollowUps
    at: SplitResult

    def add_to_list(self, wanted: str, contact: str) -> None:
        id = wanted if wanted.isascii() and wanted.isdigit() else self._list_id(wanted)
        path = f"/crm/v3/lists/{id}/memberships/add"
        try:
            self._ask("list", "PUT", path, orjson.dumps([contact]))
        except FollowUpFailed as failed:
            if failed.status == 404:  # deleted: one made anew has another id
                self.names.pop(self._key("list", wanted), None)
            raise

    def enrol(self, wanted: str, email: str) -> None:
        if not email:
            raise FollowUpFailed(
                "workflow", "A contact without email cannot be enrolled", status=400
            )
        id = wanted if wanted.isascii() and wanted.isdigit() else self._workflow_id(wanted)
        path = f"/automation/v2/workflows/{id}/enrollments/contacts/{quote(email, safe='@')}"
        self._ask("workflow", "POST", path)

    def _list_id(self, name: str) -> str:
        path = f"/crm/v3/lists/object-type-id/{CONTACTS}/name/{quote(name, safe='')}"
        return self._known("list", name, lambda: self._found_list(path, name))

    def _found_list(self, path: str, name: str) -> str:
        try:
            reply = self._ask("list", "GET", path)
        except FollowUpFailed as failed:
            if failed.status != 404:
                raise
            raise FollowUpFailed("list", f"There is no list “{name}”", status=404) from failed
        return next(iter(Reading(reply).texts(_LIST_ID)), "")

    def _workflow_id(self, name: str) -> str:
        return self._known("workflow", name, lambda: self._found_workflow(name))

    def _found_workflow(self, name: str) -> str:
        reply = self._ask("workflow", "GET", "/automation/v3/workflows")
        try:
            there = orjson.loads(reply.body)["workflows"]
            named = (one for one in there if str(one["name"]).casefold() == name.casefold())
            found = next(named, None)
        except (ValueError, KeyError, TypeError):
            raise FollowUpFailed("workflow", "Workflows could not be read", status=502) from None
        if found is None:
            raise FollowUpFailed("workflow", f"There is no workflow “{name}”", status=404)
        return str(found["id"])

    def _known(self, kind: str, name: str, look: Callable[[], str]) -> str:
        key = self._key(kind, name)
        there = self.names.get(key)
        if there is not None and there[0] > time.monotonic():
            return there[1]
        found = look()
        if not found:
            raise FollowUpFailed(kind, f"“{name}” could not be looked up", status=502)
        if len(self.names) >= MAX_NAMES:
            self.names.clear()
        self.names[key] = (time.monotonic() + NAMES_SECONDS, found)
        return found

    def _key(self, kind: str, name: str) -> tuple[str, str]:
        """Other credentials may open another portal."""
        endpoint = self.follow_ups.job.endpoint
        return f"{kind} {endpoint.auth.mark or endpoint.id} {self._base()}", name.casefold()

    def _base(self) -> str:
        path = self.at.path.partition(MARK)[0]
        return urlunsplit((self.at.scheme, self.at.netloc, path, "", ""))

    def _ask(self, step: str, method: str, path: str, body: bytes = b"") -> Reply:
        url = self._base() + path
        request = beside(self.follow_ups.job, method, url, purpose=step, body=body, type=_JSON)
        # All workflows come in one answer.
        return self.follow_ups.ask(step, replace(request, max_bytes=MAX_ANSWER))


def probe_request(job: Job) -> Request:
    """Whose account the token opens."""
    base = HttpTransport().address(job).partition(MARK)[0]
    url = below(base, "/account-info/v3/details", mark="/account-info/")
    return beside(job, "GET", url, purpose="probe")


def probe_problem(reply: Reply, endpoint: EndpointPlan) -> str:
    reading = Reading(reply)
    if not reply.ok:
        return next(iter(reading.texts(_MESSAGE)), "") or f"HubSpot answers {reply.status}"
    wanted = endpoint.options.get("portal_id")
    found = next(iter(reading.texts(_PORTAL)), "")
    if not found:
        return "The answer names no portal: is this HubSpot's address?"
    if wanted and found != wanted:
        return f"The token opens portal {found}, not {wanted}"
    return ""
