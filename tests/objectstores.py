"""A store that speaks S3 on loopback and checks signatures and policies: moto's server."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import orjson
from botocore.config import Config

from leadops.lib.objectstore import Bucket
from tests.leadops.http.servers import free_port

NAME = "acme-leads"
READ_ONLY = "read-only"  # a bucket that the key may look into and not write to
REGION = "eu-central-1"
MAY_WRITE = ["s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"]


@dataclass
class Store:
    """`access_key` may write to the bucket NAME and to no other."""

    port: int
    access_key: str = ""
    secret: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **changed: Any) -> dict[str, Any]:
        """As a destination has them, without the secret."""
        known = {
            "endpoint": self.url,
            "region": REGION,
            "bucket": NAME,
            "access_key": self.access_key,
        }
        return {**known, **changed}

    def bucket(self, *, secret: str = "", **changed: Any) -> Bucket:
        return Bucket.of(self.settings(**changed), secret=secret or self.secret)

    @cached_property
    def owner(self) -> Any:
        """A client of the owner's, who may look at everything."""
        return self.client("s3", "owner", "owner")

    def client(self, service: str, key: str, secret: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def read(self, key: str, bucket: str = NAME) -> dict[str, Any]:
        """An object as boto3 tells it, its whole content under Body."""
        with self.open_to_all():
            found = self.owner.get_object(Bucket=bucket, Key=key)
            return {**found, "Body": found["Body"].read()}

    def listed(self, bucket: str = NAME) -> list[str]:
        with self.open_to_all():
            listed = self.owner.list_objects_v2(Bucket=bucket).get("Contents", [])
        return [each["Key"] for each in listed]

    def uploads(self) -> list[Any]:
        """Those begun and never finished."""
        with self.open_to_all():
            return list(self.owner.list_multipart_uploads(Bucket=NAME).get("Uploads", []))

    @contextlib.contextmanager
    def open_to_all(self) -> Iterator[None]:
        """Nobody is asked who they are."""
        self._check_after("inf")
        try:
            yield
        finally:
            self._check_after("0")

    def _check_after(self, requests: str) -> None:
        url = f"{self.url}/moto-api/reset-auth"
        plain = {"Content-Type": "text/plain"}  # another one would be taken for a form
        request = urllib.request.Request(url, requests.encode(), plain)  # noqa: S310
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310


@contextlib.contextmanager
def object_store() -> Iterator[Store]:
    """Running, with its buckets and a key."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield _furnished(Store(port))
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        time.sleep(0.1)
    raise AssertionError("the object store did not start")


def _furnished(store: Store) -> Store:
    for name in (NAME, READ_ONLY):
        place = {"LocationConstraint": REGION}
        store.owner.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    iam = store.client("iam", "owner", "owner")
    iam.create_user(UserName="leadops")
    allowed = {"Effect": "Allow", "Action": MAY_WRITE, "Resource": f"arn:aws:s3:::{NAME}/*"}
    policy = orjson.dumps({"Version": "2012-10-17", "Statement": [allowed]}).decode()
    iam.put_user_policy(UserName="leadops", PolicyName="writes", PolicyDocument=policy)
    key = iam.create_access_key(UserName="leadops")["AccessKey"]
    made = Store(store.port, key["AccessKeyId"], key["SecretAccessKey"])
    made._check_after("0")
    return made
