"""Which of a partner's words the permanent record may repeat. Pure.

What partners write is free text: it may say anything about anybody, and goes when the lead is
erased. Figures and lists want the usual short answers all the same (`Wrong number`, `sold`). A
text made of nothing but the field's own words and short numbers says nothing of the person: it
stands in the event. Anything else stands in the feedback's row alone, which is erasable.
"""

from __future__ import annotations

import re

LONGEST = 80  # characters
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)?")
_NUMBER = re.compile(r"\d{1,3}")
_AMOUNT = re.compile(r"[+-]?[$€£]?\d{1,6}(?:\.\d{1,4})?")
_VOCABULARY = """
    a able about abusive accept accepted account active actually address afford after again
    age agent already an and angry answer answered any app application applied appointment
    approved area as asked at attempt auto automated available away bad bank bankrupt be
    because been before below beyond blacklist blank blocked bogus booked bot bought bounce
    bounced broken budget busy buy buyer buying by call callback called caller calling cancel
    canceled cancelled cannot cant cap car card carrier cell changed changes chargeback child
    city claimed closed code cold complain complained complaint complete completed confirmed
    connect connected consent contact contactable contacted contacting contract conversion
    convert converted could couldnt country coverage covered credit criteria currently
    customer data date days dead deal debt deceased decline declined delivered demo denied did
    didnt different disconnected disposition do does doesnt done dont down driver dup dupe
    duplicate duplicated duplicates dnc early eligible else email emails empty enrolled error
    even existing expired explicit fail failed fake false fax few field final first follow
    followup for form found fraud fraudulent free from full funded gave general given good got
    great had hangup hard has have high home homeowner hot hours hung id immediately in
    inactive incentive incentivized income incomplete incorrect individual ineligible info
    information insurance insured intent interest interested into invalid is isnt issue issued
    it item job just known landline language last late later lead leads left less license
    limit line list listed litigator loan located location long lost low made mail mailbox
    market match matched maybe medium meet member message minor minutes mismatch missed
    missing mobile money more mortgage moved multiple name names need needed needs never new
    next no none nonexistent not now number numbers of off offer offline old on one only
    opened opt opted order other out outside over overage owned owner paid parameters partial
    party past pay payment pending people person phone phones pick picked pickup policy poor
    postal potential presold previous price prior prospect provided provider purchase
    purchased qualified qualify quality question quote quoted rate reach reachable reached
    reason received recent record refund refunded refused reject rejected remove rented renter
    repeat replied reply request requested requests requirements resale reschedule responded
    response responsive retired return returned revoked risk robot rude sale same saved
    schedule scheduled score scrub second sell sent service serviceable several shopping short
    signed since site sms sold solicitor some soon spam speak specialist stale started state
    states status still stop submitted subscribe subscribed success successful suppressed
    survey suspicious taken talk team temporary terms test text that the then they third this
    time times to today told too tried turned twice type unable unanswered unavailable under
    underage undeliverable unemployed uninsured unknown unqualified unreachable unresponsive
    unsold unsubscribe unsubscribed until up upset use used user valid value verified verify
    very visit voicemail voip wait waiting wanted wants warm was wasnt web website weeks went
    were will with within without wont work worked working wouldnt wrong year years yes yet
    you young zip
"""
_WORDS = frozenset(_VOCABULARY.split())


def is_label(text: str) -> bool:
    """Whether a text says nothing that could be about one person."""
    if len(text) > LONGEST:
        return False
    if _AMOUNT.fullmatch(text.strip()):
        return True
    words = _WORD.findall(text.replace("'", "").replace("’", ""))
    return all(word.lower() in _WORDS or _NUMBER.fullmatch(word) for word in words)


def label(text: str) -> str:
    """The text where it is one, else nothing."""
    return text if is_label(text) else ""
