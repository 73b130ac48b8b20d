"""A look-alike of ZeroBounce's validation.

https://www.zerobounce.net/docs/email-validation-api-quickstart. As its sandbox does, it goes by
the mailbox: disposable@, invalid@, spamtrap@, catch_all@, abuse@, unknown@; others are valid. The
key `wrong` is none.
"""

from __future__ import annotations

from typing import Final

from leadops.buyers.behaviours import under
from leadops.buyers.messages import Answer, Received, as_json
from leadops.buyers.vendors.organizations import call_of, number_of

_REFUSED: Final = "Invalid API key or your account ran out of credits"
_STATUSES: Final = {
    "invalid": ("invalid", "mailbox_not_found"),
    "disposable": ("do_not_mail", "disposable"),
    "spamtrap": ("spamtrap", ""),
    "catch_all": ("catch-all", ""),
    "abuse": ("abuse", ""),
    "unknown": ("unknown", "mail_server_temporary_error"),
}
_FREE: Final = ("gmail.com", "yahoo.com", "outlook.com", "aol.com")


@under("/zerobounce/")
def zerobounce(received: Received) -> Answer:
    """ZeroBounce: /v2/validate?api_key=&email=; ~500"""
    call = call_of(received, "zerobounce")
    if call.error.isdigit():
        return as_json(int(call.error), {"error": "Something went wrong"})
    query = received.target.query
    if query.get("api_key", "wrong") == "wrong":
        return as_json(200, {"error": _REFUSED})
    email = query.get("email", "").strip().casefold()
    if "@" not in email:
        return as_json(200, {"error": "Missing parameter: email."})
    account, _, domain = email.partition("@")
    status, sub_status = _STATUSES.get(account, ("valid", ""))
    value = {
        "address": email,
        "status": status,
        "sub_status": sub_status,
        "free_email": domain in _FREE,
        "did_you_mean": email.replace("gmial", "gmail") if "gmial" in domain else None,
        "account": account,
        "domain": domain,
        "domain_age_days": number_of(domain, digits=4),
        "mx_found": "false" if status == "invalid" else "true",
        "mx_record": f"mx.{domain}",
        "processed_at": "2026-01-01 00:00:00.000",
    }
    return as_json(200, value)
