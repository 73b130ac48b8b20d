"""Deliveries as objects in a bucket, by the S3 API: one a lead, or one a batch.

The delivery's id stands in the object's key, and a date in it is the delivery's own: a repeated
attempt puts the same object in its place.
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from leadops.lib import ids, objectstore
from leadops.lib.http import Door, HttpError, Reply, Request
from leadops.lib.objectstore import Bucket
from leadops.lib.storewords import refusal
from recipients import addresses
from recipients.mapping import RenderError
from recipients.outcomes import Category
from recipients.plan import AuthKind
from recipients.transports.base import Job
from recipients.transports.bodies import CONTENT_TYPES, body_of, payload_for
from recipients.transports.errors import NotSendable, TransportError, from_http
from recipients.transports.filenames import ENDINGS, bare, name_of
from recipients.transports.parcels import Parcel

PROTOCOL = "S3"


class ObjectStoreTransport:
    """One object a delivery."""

    def build(self, job: Job) -> Request:
        """Unsigned: a signature is of the moment of sending."""
        if job.endpoint.format not in ENDINGS and not isinstance(job.payload, Parcel):
            raise NotSendable("Format not possible", "Objects are JSON, XML or CSV")
        if job.endpoint.auth.kind is not AuthKind.BASIC:
            raise NotSendable("Login missing", "Object stores take basic: access key and secret")
        job = _of_its_moment(job)
        try:
            bucket = _bucket(job)
            url, body, kind = bucket.url(_key(job)), *_content(job)
        except (RenderError, ValueError) as error:
            raise NotSendable("Object cannot be made", str(error)) from error
        headers = {
            "content-type": kind,
            "content-md5": objectstore.content_md5(body),
            "x-amz-meta-delivery": bare(job.idempotency_key),
            **bucket.headers(),
        }
        if job.test:
            headers["x-amz-meta-test"] = "1"
        return Request("PUT", url, headers, body, timeout=job.timeout, pool=job.endpoint.pool)

    def send(self, request: Request, *, job: Job, door: Door) -> Reply:
        bucket = _bucket(_of_its_moment(job))
        try:
            reply = door.send(objectstore.signed(bucket, request))
        except HttpError as error:
            raise from_http(error) from error
        if not reply.ok:
            return _refused(replace(reply, protocol=PROTOCOL))
        return _told(reply, request, bucket)


def _of_its_moment(job: Job) -> Job:
    """With the delivery's own moment for now: a date in the key is that of no attempt.

    A batch has its first attempt's already.
    """
    if isinstance(job.payload, Parcel):
        return job
    try:
        now = ids.moment(job.idempotency_key)
    except ValueError:
        return job
    return replace(job, context={**job.context, "now": now})


def _place(job: Job) -> str:
    return job.endpoint.url.text(job.context, escape=bare).strip()


def _bucket(job: Job) -> Bucket:
    """That of `s3://bucket/folder/`. Raises SettingError, which is a ValueError."""
    name = _place(job).partition("://")[2].partition("/")[0]
    auth = job.endpoint.auth
    settings = {**job.endpoint.options, "bucket": name, "access_key": auth.username}
    return Bucket.of(settings, secret=auth.secret)


def _key(job: Job) -> str:
    folder = addresses.folders(_place(job)).strip("/")
    return f"{folder}/{name_of(job)}" if folder else name_of(job)


def _content(job: Job) -> tuple[bytes, str]:
    """The object and its type."""
    if isinstance(job.payload, Parcel):
        return job.payload.data, job.payload.content_type
    endpoint = job.endpoint
    payload = payload_for(job.payload or job.context["lead"], endpoint)
    body = body_of(payload, endpoint.format, xml_root=endpoint.xml_root, options=endpoint.options)
    return body, CONTENT_TYPES[endpoint.format]


def _refused(reply: Reply) -> Reply:
    """The reply as it is; raises TransportError where it is about the bucket, and not about
    credentials or the moment."""
    said = refusal(reply)
    if said.category != Category.CONFIGURATION:
        return reply
    raise TransportError(
        said.message,
        may_have_arrived=False,
        category=Category.CONFIGURATION,
        details=said.code,
        answered=True,
        reply=reply,
    )


def _told(reply: Reply, request: Request, bucket: Bucket) -> Reply:
    """A store takes an object without a word: what it took, for the record."""
    key = objectstore.key_in(request.url, bucket)
    stored = objectstore.stored(reply, key=key, size=len(request.body))
    told = {"bucket": bucket.name, "key": key, "etag": stored.etag, "size": stored.size}
    if stored.version:
        told["version"] = stored.version
    headers = {**reply.headers, "content-type": "application/json"}
    return replace(reply, headers=headers, body=orjson.dumps(told), protocol=PROTOCOL)
