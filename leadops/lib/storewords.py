"""What object stores say when they say no, in words for whoever can mend it.

The codes are S3's: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lxml import etree

from leadops.lib.http import Reply

SENTENCES: Mapping[str, str] = {
    "NoSuchBucket": "There is no such bucket at this endpoint",
    "NoSuchUpload": "The store has forgotten the upload; it begins anew next time",
    "AccessDenied": "The key may not write there: it needs s3:PutObject for this bucket and prefix",
    "AllAccessDisabled": "The store has closed this bucket",
    "AccountProblem": "The store has closed this account",
    "InvalidAccessKeyId": "The store does not know the access key",
    "SignatureDoesNotMatch": "The signature does not match: the secret is not that of the access "
    "key",
    "RequestTimeTooSkewed": "This machine's clock and the store's are too far apart",
    "ExpiredToken": "The session token has expired",
    "InvalidToken": "The session token is none of this access key",
    "AuthorizationHeaderMalformed": "The region is not the bucket's",
    "PermanentRedirect": "The bucket stands at another endpoint",
    "TemporaryRedirect": "The bucket has moved, and the name servers do not know yet",
    "IllegalLocationConstraintException": "The bucket stands in another region",
    "EntityTooLarge": "The object is larger than the store takes",
    "InvalidStorageClass": "The store has no such storage class",
    "KMS.NotFoundException": "There is no such KMS key",
    "KMS.DisabledException": "The KMS key is switched off",
    "SlowDown": "The store asks for fewer requests",
    "ServiceUnavailable": "The store cannot answer now",
    "InternalError": "The store failed by itself",
    "RequestTimeout": "The store waited too long for the object",
    "QuotaExceeded": "The bucket is full",
    "BadDigest": "The object was damaged on the way",
    "XAmzContentSHA256Mismatch": "The object was damaged on the way",
}
# Of a bare status, which some stores and what stands before them give.
STATUSES: Mapping[int, str] = {
    301: SENTENCES["PermanentRedirect"],
    307: SENTENCES["TemporaryRedirect"],
    403: "The store does not let this key write there",
    404: SENTENCES["NoSuchBucket"],
    429: SENTENCES["SlowDown"],
    503: SENTENCES["SlowDown"],
}
# Codes for which other credentials are wanted.
LOGIN = frozenset(
    {
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
    }
)
# Codes of what passes by itself.
PASSING = frozenset(
    {
        "BadDigest",
        "InternalError",
        "NoSuchUpload",
        "RequestTimeout",
        "TemporaryRedirect",
        "XAmzContentSHA256Mismatch",
    }
)
BUSY = frozenset({"ServiceUnavailable", "SlowDown"})
# Elements that say more, after which sentences.
MORE = ("Region", "Endpoint", "BucketName", "StorageClassRequested")


class Refused(Exception):
    """The store understood and said no. `code` is S3's word, `status` HTTP's; "" and 0 for none.

    `retry_after`: seconds to wait, where it said so.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{message} ({code})" if code else message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after

    @property
    def category(self) -> str:
        """A word of `recipients.outcomes.Category`."""
        if self.code in LOGIN or (not self.code and self.status in (401, 403)):
            return "authentication"
        if self.code in BUSY or self.status in (429, 503):
            return "rate_limit"
        passes = self.code in PASSING or self.status >= 500
        return "system" if passes else "configuration"


def refusal(reply: Reply) -> Refused:
    """What the answer says, in our words; the store's own where we have none."""
    said = said_in(reply.body)
    code = said.get("Code", "")
    usual = SENTENCES.get(code) or said.get("Message") or STATUSES.get(reply.status)
    message = usual or f"The store answers {reply.status}"
    if code == "RequestTimeTooSkewed":
        message += _skew(said)
    elif hint := ", ".join(said[name] for name in MORE if said.get(name)):
        message += f": {hint}"
    after = reply.headers.get("retry-after", "").strip()
    return Refused(
        code,
        message[:300],
        status=reply.status,
        retry_after=float(after) if after.isascii() and after.isdigit() else None,
    )


def said_in(body: bytes) -> dict[str, str]:
    """The elements of `<Error>` with their texts; nothing where the answer is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return {}
    tags = {etree.QName(each).localname: each for each in root if isinstance(each.tag, str)}
    return {name: " ".join((each.text or "").split())[:200] for name, each in tags.items()}


def _skew(said: Mapping[str, str]) -> str:
    """By how much; "" where the store does not tell both times."""
    ours, theirs = _moment(said.get("RequestTime", "")), _moment(said.get("ServerTime", ""))
    if ours is None or theirs is None:
        return ""
    apart = abs(ours - theirs)
    return f": by {timedelta(seconds=round(apart.total_seconds()))}"


def _moment(text: str) -> datetime | None:
    for form in ("%Y%m%dT%H%M%SZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
