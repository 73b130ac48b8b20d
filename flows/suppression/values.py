"""A value as lists keep it: brought to its normal form, then a keyed digest of 16 bytes.

Hashes from outside are digests of forms that we must guess. Looked for are, in the order in which
lists most often hold them: of a phone number of the United States or Canada `5551234567`,
`15551234567`, `+15551234567`, of any other `+442079460958`, `442079460958`; of an e-mail address
and of any other value its lower-case form.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from flows import fields
from leadops.lib import secrets
from recipients.plan import ListPlan

KIND = "suppression"
HEX_LENGTH = {"md5": 32, "sha256": 64}
LONGEST = 500  # characters of a value
_HEX = re.compile(r"[0-9a-f]+\Z")


class Unusable(ValueError):
    """Not a value for the list; says why, and never repeats the value."""


def normal(type: str, value: Any) -> str:
    """The form in which values are compared. Raises Unusable."""
    text = str(value)
    if len(text) > LONGEST:
        raise Unusable(f"longer than {LONGEST} characters")
    parsed = fields.parse(type, text)
    if not parsed.valid:
        raise Unusable(parsed.reason)
    return " ".join(str(parsed.normal).split()).casefold()


def digests(plan: ListPlan, value: Any) -> list[bytes]:
    """What to look for on the list when a lead has the value; none for what is on no list."""
    try:
        form = normal(plan.type, value)
    except Unusable:
        return []
    if plan.hashed == "none":
        return [_plain(plan.type, form)]
    return [_kept(plan.hashed, _hash(plan.hashed, each)) for each in forms(plan.type, form)]


def entry(plan: ListPlan, text: str) -> bytes:
    """What the list keeps of one line of a file, or of a value of the API. Raises Unusable.

    A list of hashes takes values in clear as well.
    """
    if plan.hashed != "none" and (found := as_hash(plan.hashed, text)):
        return _kept(plan.hashed, found)
    if plan.hashed != "none" and _looks_hashed(text):
        raise Unusable(f"is no {plan.hashed} hash")
    form = normal(plan.type, text)
    if plan.hashed == "none":
        return _plain(plan.type, form)
    return _kept(plan.hashed, _hash(plan.hashed, forms(plan.type, form)[0]))


def sought(plan: ListPlan, text: str) -> list[bytes]:
    """All under which a value, or a hash, can be on the list. Raises Unusable."""
    if plan.hashed != "none" and (found := as_hash(plan.hashed, text)):
        return [_kept(plan.hashed, found)]
    entry(plan, text)
    return digests(plan, text)


def forms(type: str, form: str) -> tuple[str, ...]:
    """The forms in which others may have hashed a value."""
    if type != "phone":
        return (form,)
    if form.startswith("+"):
        return (form, form[1:])
    return (form, f"1{form}", f"+1{form}")


def as_hash(hashed: str, text: str) -> str:
    """The hexadecimal digits of a hash, in small letters; blank for anything else."""
    found = text.strip().lower().removeprefix("0x")
    return found if len(found) == HEX_LENGTH[hashed] and _HEX.match(found) else ""


def _looks_hashed(text: str) -> bool:
    """The hash of another kind is not taken for a value."""
    return any(as_hash(kind, text) for kind in HEX_LENGTH)


def _hash(hashed: str, form: str) -> str:
    digest = hashlib.md5 if hashed == "md5" else hashlib.sha256  # theirs, not ours
    return digest(form.encode()).hexdigest()


def _plain(type: str, form: str) -> bytes:
    return secrets.search_digest(KIND, f"{type}\0{form}")


def _kept(hashed: str, hexadecimal: str) -> bytes:
    """Hashes of phone numbers are soon guessed: they are not kept as they come either."""
    return secrets.search_digest(KIND, f"{hashed}\0{hexadecimal}")
