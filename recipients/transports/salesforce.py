"""Records in Salesforce, by its REST API.

sObject Rows: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/
dome_sobject_create.htm; by external id: …/dome_upsert.htm. Headers: …/headers_autoassign.htm,
…/headers_duplicaterules.htm. Resources by Version: …/dome_discoveryresource.htm.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from leadops.lib.http import Reply, Request
from recipients.plan import BodyFormat, EndpointPlan
from recipients.responses.reading import Reading
from recipients.responses.selectors import compile_selector
from recipients.transports.base import Job
from recipients.transports.bodies import Message, message_of
from recipients.transports.http import HttpTransport, below, beside

PATH: Final = "/services/data/"
_MESSAGE: Final = compile_selector("*.message")


class SalesforceTransport(HttpTransport):
    """One record a delivery: created, or found by an external id and written again."""

    def build(self, job: Job) -> Request:
        method = "PATCH" if job.endpoint.options.get("external_id_field") else "POST"
        endpoint = replace(job.endpoint, method=method, format=BodyFormat.JSON)
        return super().build(replace(job, endpoint=endpoint))

    def address(self, job: Job) -> str:
        options = job.endpoint.options
        path = f"{_version(job)}/sobjects/{options.get('object') or 'Lead'}"
        if field := options.get("external_id_field"):
            path += f"/{field}/{quote(job.idempotency_key, safe='')}"
        return below(super().address(job), path, mark=PATH)

    def message(self, job: Job) -> Message:
        payload = job.payload
        if field := job.endpoint.options.get("bypass_field"):
            payload = {**payload, field: True}
        message = message_of(payload, job.endpoint)
        return replace(message, headers={**message.headers, **_headers(job)})


def _version(job: Job) -> str:
    return f"{PATH}v{job.endpoint.options.get('api_version') or '62.0'}"


def _headers(job: Job) -> dict[str, str]:
    options = job.endpoint.options
    rules = options.get("assignment_rules", True)
    assign = (options.get("assignment_rule_id") if rules else "") or str(bool(rules)).upper()
    save = str(not options.get("duplicate_check", True)).lower()
    return {
        "Sforce-Auto-Assign": assign,
        # What was matched is answered by its id alone: no fields of other people.
        "Sforce-Duplicate-Rule-Header": f"allowSave={save}; includeRecordDetails=false",
    }


def probe_request(job: Job) -> Request:
    """The resources of the API's version: those that are signed in see them."""
    url = HttpTransport().address(job).partition(PATH)[0]
    return beside(job, "GET", below(url, _version(job) + "/", mark=PATH), purpose="probe")


def probe_problem(reply: Reply, endpoint: EndpointPlan) -> str:
    if reply.ok:
        return ""
    said = next(iter(Reading(reply).texts(_MESSAGE)), "")
    if reply.status == 404:
        version = endpoint.options.get("api_version") or "62.0"
        return f"There is no Salesforce API {version} at this address"
    return said or f"Salesforce answers {reply.status}"
