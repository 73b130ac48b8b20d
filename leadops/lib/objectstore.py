"""Putting objects into buckets by the S3 API, through the guarded door.

Requests are signed with AWS Signature Version 4. An object of up to 8 MiB is one PUT; a larger one
goes in parts of 8 MiB, 10,000 of them at most, and appears when the last one is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import quote, unquote, urlsplit

from lxml import etree
from requests_aws4auth import AWS4Auth

from leadops.lib.http import Door, HttpError, Reply, Request
from leadops.lib.http.messages import Pool
from leadops.lib.storewords import Refused, refusal

PART = 8 * 1024 * 1024  # bytes of a part; S3 takes 5 MiB to 5 GiB
MAX_PARTS = 10_000
MAX_SIZE = PART * MAX_PARTS
MAX_KEY = 1024  # bytes of a key's UTF-8
TRIES = 3  # of a part that was lost on the way: the same part twice is one part
AMAZON = "amazonaws.com"

# Names as Amazon has them since 2018; other stores take no others either.
BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+\Z)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]\Z")
REGION = re.compile(r"[a-z0-9-]{1,50}\Z")
PLAIN = re.compile(r"[\x21-\x7e]+\Z")
STORAGE_CLASS = re.compile(r"[A-Z0-9_]{1,50}\Z")


class SettingError(ValueError):
    """One setting is wrong; `name` says which."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and who asks. `endpoint` is scheme and host (and port); `virtual`: the bucket's
    name stands before the host's."""

    name: str
    endpoint: str
    region: str
    access_key: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    virtual: bool = False
    encryption: str = ""
    kms_key: str = ""
    storage_class: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, secret: str) -> Bucket:
        """From settings as people write them; raises SettingError.

        `bucket`, `access_key`; and `endpoint`, `region`, `session_token`, `style` (auto, path,
        virtual), `encryption` (none, AES256, aws:kms), `kms_key`, `storage_class`.
        """
        region = settings.get("region") or "us-east-1"
        endpoint = settings.get("endpoint") or f"https://s3.{region}.{AMAZON}"
        name = settings.get("bucket") or ""
        encryption = settings.get("encryption") or "none"
        bucket = cls(
            name=name,
            endpoint=endpoint.rstrip("/"),
            region=region,
            access_key=settings.get("access_key") or "",
            secret=secret,
            session_token=settings.get("session_token") or "",
            virtual=_is_virtual(settings.get("style") or "auto", endpoint, name),
            encryption="" if encryption == "none" else encryption,
            kms_key=settings.get("kms_key") or "",
            storage_class=settings.get("storage_class") or "",
        )
        bucket.check()
        return bucket

    def check(self) -> None:
        """Raises SettingError."""
        if not REGION.match(self.region):
            raise SettingError("region", "write e.g. eu-central-1")
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise SettingError("endpoint", "write e.g. https://s3.eu-central-1.amazonaws.com")
        if parts.path or parts.query or parts.fragment:
            raise SettingError("endpoint", "the address ends with the host: bucket and key follow")
        if not BUCKET.match(self.name):
            raise SettingError("bucket", "3 to 63 small letters, digits, - and .")
        if not PLAIN.match(self.access_key) or "/" in self.access_key:
            raise SettingError("access_key", "the key's id is letters and digits")
        if self.kms_key and self.encryption != "aws:kms":
            raise SettingError("kms_key", "goes with the encryption aws:kms")
        if self.kms_key and not PLAIN.match(self.kms_key):
            raise SettingError("kms_key", "write the key's id, ARN or alias")
        if self.storage_class and not STORAGE_CLASS.match(self.storage_class):
            raise SettingError("storage_class", "write e.g. STANDARD_IA")
        if self.virtual and parts.scheme == "https" and "." in self.name:
            raise SettingError("style", "no certificate is for a bucket with dots: take path")

    def url(self, key: str) -> str:
        """Where the object stands; raises ValueError for a key that cannot be one."""
        scheme, _, host = self.endpoint.partition("://")
        path = quote(checked_key(key), safe="/~")
        if self.virtual:
            return f"{scheme}://{self.name}.{host}/{path}"
        return f"{scheme}://{host}/{self.name}/{path}"

    def headers(self) -> dict[str, str]:
        """What is asked of the store for each object."""
        wanted = {
            "x-amz-server-side-encryption": self.encryption,
            "x-amz-server-side-encryption-aws-kms-key-id": self.kms_key,
            "x-amz-storage-class": self.storage_class,
        }
        return {name: value for name, value in wanted.items() if value}


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is there. `version` is of buckets that keep versions."""

    key: str
    etag: str
    size: int
    version: str = ""


def checked_key(key: str) -> str:
    """The key; raises ValueError where it is none, or would be another one after normalising."""
    if not key or len(key.encode()) > MAX_KEY:
        raise ValueError(f"A key has 1 to {MAX_KEY} bytes.")
    if key.startswith("/") or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError("A key is written as folder/name, without empty parts, . and ...")
    if not key.isprintable():
        raise ValueError("A key is of letters that can be printed.")
    return key


def key_in(url: str, bucket: Bucket) -> str:
    """The key of what stands at `url`, which `Bucket.url` has given."""
    path = unquote(urlsplit(url).path).removeprefix("/")
    return path if bucket.virtual else path.removeprefix(f"{bucket.name}/")


def put(
    bucket: Bucket,
    key: str,
    data: bytes | BinaryIO,
    *,
    content_type: str,
    door: Door,
    timeout: float = 60.0,
    pool: Pool | None = None,
) -> Stored:
    """The object is whole under its key, in place of any other. `timeout`: seconds a request.

    A file is read from where it stands to its end, a part at a time. Raises Refused where the store
    says no, HttpError where it cannot be reached or says nothing, ValueError for a bad key.
    """
    way = _Way(bucket, key, door, timeout, pool)
    file = BytesIO(data) if isinstance(data, bytes) else data
    first = _read(file, PART)
    ahead = _read(file, PART) if len(first) == PART else b""
    headers = {"content-type": content_type, **bucket.headers()}
    if not ahead:
        return stored(way.once("PUT", "", headers, first), key=key, size=len(first))
    return _in_parts(way, headers, _parts(first, ahead, file))


def signed(bucket: Bucket, request: Request, *, now: datetime | None = None) -> Request:
    """The request with its signature, of headers, payload and moment."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    headers = {name.lower(): value for name, value in request.headers.items()}
    message = _Message(request.method, request.url, {**headers, "x-amz-date": moment}, request.body)
    auth = AWS4Auth(
        bucket.access_key,
        bucket.secret,
        bucket.region,
        "s3",
        session_token=bucket.session_token or None,
    )
    return replace(request, headers=auth(message).headers)


def stored(reply: Reply, *, key: str, size: int) -> Stored:
    """What the store says that it keeps. Raises Refused."""
    if not reply.ok:
        raise refusal(reply)
    etag = reply.headers.get("etag", "").strip('"')
    return Stored(key, etag, size, reply.headers.get("x-amz-version-id", ""))


def content_md5(data: bytes) -> str:
    """For `Content-MD5`, by which a store knows that nothing was lost on the way (RFC 1864)."""
    return b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


@dataclass(slots=True)
class _Message:
    """What requests-aws4auth signs: the parts of a PreparedRequest that it looks at."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Way:
    """To one object."""

    bucket: Bucket
    key: str
    door: Door
    timeout: float
    pool: Pool | None

    def once(
        self, method: str, query: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        written = dict(headers or {})
        if body:
            written["content-md5"] = content_md5(body)
        url = self.bucket.url(self.key) + query
        request = Request(
            method, url, written, body, timeout=self.timeout, pool=self.pool, max_bytes=1 << 20
        )
        return self.door.send(signed(self.bucket, request))

    def again(self, method: str, query: str, body: bytes) -> Reply:
        """Repeated at once where it was lost on the way; only for what may be done twice."""
        for left in reversed(range(TRIES)):
            try:
                return self.once(method, query, body=body)
            except HttpError as error:
                if not left or error.category != "network":
                    raise
        raise AssertionError("there is a last try")


def _in_parts(way: _Way, headers: Mapping[str, str], parts: Iterator[bytes]) -> Stored:
    begun = way.once("POST", "?uploads=", headers)
    if not begun.ok:
        raise refusal(begun)
    upload = quote(_text(begun.body, "UploadId"), safe="")
    try:
        etags, size = [], 0
        for number, part in enumerate(parts, 1):
            reply = way.again("PUT", f"?partNumber={number}&uploadId={upload}", part)
            etags.append(stored(reply, key=way.key, size=len(part)).etag)
            size += len(part)
        reply = way.again("POST", f"?uploadId={upload}", _completion(etags))
        return _completed(reply, way.key, size)
    except Exception:
        # Parts of what was never finished are kept, and paid for, until somebody says otherwise.
        with contextlib.suppress(HttpError):
            way.once("DELETE", f"?uploadId={upload}")
        raise


def _completed(reply: Reply, key: str, size: int) -> Stored:
    """Raises Refused: S3 may say 200 first and what went wrong later, in the body."""
    if not reply.ok or b"<Error" in reply.body:
        raise refusal(reply)
    etag = _text(reply.body, "ETag").strip('"')
    return Stored(key, etag, size, reply.headers.get("x-amz-version-id", ""))


def _completion(etags: list[str]) -> bytes:
    parts = "".join(
        f'<Part><PartNumber>{number}</PartNumber><ETag>"{etag}"</ETag></Part>'
        for number, etag in enumerate(etags, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def _parts(first: bytes, ahead: bytes, file: BinaryIO) -> Iterator[bytes]:
    yield first
    count = 1
    while ahead:
        if count == MAX_PARTS:
            raise Refused("EntityTooLarge", f"The file is larger than {MAX_SIZE >> 30} GiB")
        yield ahead
        ahead, count = _read(file, PART), count + 1


def _read(file: BinaryIO, size: int) -> bytes:
    """`size` bytes, fewer only at the end: pipes and sockets give what they have."""
    pieces = []
    while size and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _is_virtual(style: str, endpoint: str, name: str) -> bool:
    if style != "auto":
        return style == "virtual"
    host = urlsplit(endpoint).hostname or ""
    return host.endswith(AMAZON) and "." not in name


def _text(body: bytes, name: str) -> str:
    """The text of the first element of that name; raises Refused where there is none."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
        found = root.xpath("string(//*[local-name()=$name])", name=name)
    except etree.XMLSyntaxError:
        found = ""
    if not found:
        raise Refused("", f"What answers there is no object store: no {name} in its answer")
    return str(found)
