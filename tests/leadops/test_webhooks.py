from __future__ import annotations

import pytest

from leadops.lib import webhooks

# From the tests of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + "QUJD" * 10


def sign(*secrets: str) -> dict[str, str]:
    return webhooks.sign(secrets, id=ID, timestamp=TIMESTAMP, body=BODY)


def test_it_signs_as_the_specification_does() -> None:
    assert sign(SECRET) == {
        "webhook-id": ID,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }
    assert sign(SECRET.removeprefix("whsec_"))["webhook-signature"] == SIGNATURE


def test_it_signs_with_both_secrets_while_one_is_changed() -> None:
    both = sign(OTHER, SECRET)
    assert both["webhook-signature"].split(" ")[1] == SIGNATURE
    for secret in (OTHER, SECRET):
        webhooks.verify([secret], both, BODY, now=TIMESTAMP)


@pytest.mark.parametrize(
    ("changes", "body", "now"),
    [
        ({}, BODY + b" ", TIMESTAMP),
        ({}, BODY, TIMESTAMP + 301),
        ({}, BODY, TIMESTAMP - 301),
        ({"webhook-id": "msg_other"}, BODY, TIMESTAMP),
        ({"webhook-timestamp": "soon"}, BODY, TIMESTAMP),
        ({"webhook-timestamp": str(TIMESTAMP + 1)}, BODY, TIMESTAMP),
        ({"webhook-signature": "v1,é"}, BODY, TIMESTAMP),
        ({"webhook-signature": SIGNATURE.replace("v1", "v2")}, BODY, TIMESTAMP),
    ],
)
def test_it_takes_nothing_that_was_changed(
    changes: dict[str, str], body: bytes, now: float
) -> None:
    with pytest.raises(webhooks.BadSignature):
        webhooks.verify([SECRET], {**sign(SECRET), **changes}, body, now=now)


def test_it_takes_nothing_signed_by_others() -> None:
    with pytest.raises(webhooks.BadSignature):
        webhooks.verify([OTHER], sign(SECRET), BODY, now=TIMESTAMP)
    with pytest.raises(webhooks.BadSignature):
        webhooks.verify([SECRET], {}, BODY, now=TIMESTAMP)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "whsec_" + "!" * 40, "A" * 100])
def test_it_refuses_what_is_no_secret(secret: str) -> None:
    with pytest.raises(ValueError):
        webhooks.key_of(secret)
