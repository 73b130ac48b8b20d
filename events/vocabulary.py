"""Every event type and what it says; the source of `docs/outcomes-and-events.md`."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """One word a moment. The text behind each is shown in the console and the documentation."""

    text: str

    def __new__(cls, word: str, text: str) -> EventType:
        member = str.__new__(cls, word)
        member._value_ = word
        member.text = text
        return member

    SOURCE_SUBMITTED = "source.submitted", "A source posted a lead; nothing was checked yet"
    SOURCE_ACCEPTED = "source.accepted", "The lead passed the checks at the door; its cost is owed"
    SOURCE_REJECTED = "source.rejected", "The lead failed a check at the door; nothing follows"

    FILTER_PASSED = "filter.passed", "The lead met a filter's rules"
    FILTER_FAILED = "filter.failed", "The lead failed a rule; the event names it and the value seen"

    ENHANCEMENT_SUCCESS = (
        "enhancement.success",
        "A service answered; see what was appended",
    )
    ENHANCEMENT_FAILURE = "enhancement.failure", "A service said no; the lead goes on without it"
    ENHANCEMENT_ERROR = "enhancement.error", "A service did not answer; the lead goes on"

    ENHANCEMENT_TESTED = "enhancement.tested", "Somebody asked a service by hand; no lead got it"
    ENHANCEMENT_SKIPPED = "enhancement.skipped", "A service was not asked; the reason says why"

    PING_ANSWERED = "ping.answered", "A source asked what a lead would bring; the offer, or why not"
    AUCTION_OPENED = "auction.opened", "Recipients are about to be asked for their bids"
    AUCTION_BID = "auction.bid", "A recipient bid, or did not; the reason says why"
    AUCTION_DECIDED = "auction.decided", "All bids are in; the event ranks them"
    AUCTION_TOLD = "auction.told", "Who bid in vain was told so; the outcome of the notice"

    RECIPIENT_ATTEMPT = "recipient.delivery_attempt", "The lead is about to be sent to a recipient"
    RECIPIENT_DELIVERED = "recipient.delivered", "The recipient accepted; revenue is earned"
    RECIPIENT_ERROR = "recipient.error", "An attempt failed technically"
    RECIPIENT_FAILED = "recipient.failed", "Final: the recipient said no, or attempts ran out"
    RECIPIENT_SKIPPED = "recipient.skipped", "The lead was not sent; the reason says why"

    RETRY_SCHEDULED = "retry.scheduled", "Another attempt will be made at retry_at"
    RETRY_ATTEMPTED = "retry.attempted", "The attempt that had been scheduled begins"

    RETRY_BULK_STARTED = "retry.bulk_started", "Somebody has many deliveries sent again"
    RETRY_BULK_ENDED = "retry.bulk_ended", "They are sent again, or somebody cancelled the rest"

    FLOW_MOVE_STARTED = "flow.move_started", "Somebody has leads moved to a flow's current version"
    FLOW_MOVE_ENDED = "flow.move_ended", "They are moved, or somebody cancelled the rest"

    IMPORT_STARTED = "import.started", "Somebody has a file of leads taken in, row by row"
    IMPORT_PAUSED = "import.paused", "No further row is taken in for now; the reason says why"
    IMPORT_RESUMED = "import.resumed", "Rows are taken in again"
    IMPORT_RATE_CHANGED = "import.rate_changed", "Somebody set how many rows a second go in"
    IMPORT_ENDED = "import.ended", "Its rows are all in, or somebody cancelled the rest; the counts"
    IMPORT_DOWNLOADED = "import.downloaded", "Somebody took the file of what came of an import"
    IMPORT_DELETED = "import.deleted", "The rows of an import were deleted: their time was over"

    FEEDBACK_RECEIVED = "feedback.received", "A recipient said something about a lead later"
    FEEDBACK_PROCESSED = "feedback.processed", "It was applied to the lead, the money and figures"
    FEEDBACK_REJECTED = "feedback.rejected", "It could not be applied; the reason says why"
    FEEDBACK_SENT = "feedback.sent", "The lead's source was told what the recipient said"
    FEEDBACK_FAILED = "feedback.failed", "The source could not be told; the reason says why"
    FEEDBACK_PAUSED = "feedback.paused", "A source is told nothing for now; what is said waits"
    FEEDBACK_RESUMED = "feedback.resumed", "A source is told again, also what has waited"
    FEEDBACK_RETRIED = "feedback.retried", "Somebody has a source told what it could not be told"

    LEAD_ERASED = "lead.erased", "What was held about the person was erased; the event says where"
    LEAD_COPIED = "lead.copied", "A copy of all that is held about the person was handed out"
    LEAD_VIEWED = "lead.viewed", "Somebody looked at a lead, or revealed masked values; who and why"
    LEAD_EDITED = "lead.edited", "Somebody changed a lead's data; the event names the fields"
    LEAD_TAGGED = "lead.tagged", "A hook put a word on a lead, by which it is found"
    LEAD_MOVED = "lead.moved", "Somebody had a lead go on by the current version of its flow"
    REVIEW_HELD = "review.held", "A lead was put aside before any delivery; a person decides"
    REVIEW_RELEASED = "review.released", "Work goes on with a lead that had been put aside"
    REVIEW_REDIRECTED = "review.redirected", "Somebody chose this recipient instead of another"
    REVIEW_CLOSED = "review.closed", "Somebody decided on what waited for review; the reason is why"

    FLOW_COMPLETED = "flow.completed", "Every step is done; the lead's sales and money are final"

    RECIPIENT_PAUSED = "recipient.paused", "A recipient or endpoint gets nothing for now"
    RECIPIENT_TESTED = "recipient.tested", "Somebody made a test call; there is no lead behind it"
    RECIPIENT_RESUMED = "recipient.resumed", "A recipient or endpoint gets leads again"
    BATCH_SENT = "batch.sent", "Leads went to a recipient together; what came of each is its own"
    BATCH_RELEASED = "batch.released", "Somebody sent a batch before its time"
    BREAKER_OPENED = "breaker.opened", "An endpoint failed too often and is left alone for a while"
    BREAKER_PROBED = "breaker.probed", "One attempt goes to an endpoint to see how it is"
    BREAKER_CLOSED = "breaker.closed", "An endpoint is in use again"
    ALERT_RAISED = "alert.raised", "A figure left its bounds, or somebody is needed"
    ALERT_ESCALATED = "alert.escalated", "An alert has stayed open for too long"
    ALERT_RESOLVED = "alert.resolved", "The figure is back within its bounds"
    PRIVACY_ERASED = "privacy.erased", "Somebody had a person erased; the leads, and who asked"
    PRIVACY_COPIED = "privacy.copied", "Somebody took a copy of what is held about a person"
    EXPORT_CREATED = "export.created", "Somebody had a file made of the record; filters and why"
    EXPORT_ENDED = "export.ended", "A file is done, failed or was cancelled; its rows and digest"
    EXPORT_DOWNLOADED = "export.downloaded", "Somebody took a file away; who, what, its digest"
    EXPORT_LINKED = "export.linked", "Somebody made a link that opens a file without a login"
    EXPORT_SENT = "export.sent", "A file was sent where its schedule says, or could not be"
    EXPORT_DELETED = "export.deleted", "A file was deleted: its time was over, or a person erased"
    SUBSCRIPTION_PAUSED = "subscription.paused", "A push subscription gets nothing for now, and why"
    SUBSCRIPTION_RESUMED = "subscription.resumed", "It gets events again, from where it was paused"
    SUBSCRIPTION_REWOUND = "subscription.rewound", "Somebody had it go on from another place"
    SUBSCRIPTION_MISSED = "subscription.missed", "Events went out of the record before it had them"
    HOOK_FIRED = "hook.fired", "What a hook looks for has come; the event says what it did"
    HOOK_STOPPED = "hook.stopped", "A hook looks no more: its rules take too long, or fail"
    HOOK_MISSED = "hook.missed", "Events went out of the record before hooks had looked at them"
    RECORD_TRIMMED = "record.trimmed", "A month's events, snapshots or exchanges are kept no longer"
    CONFIG_CHANGED = "config.changed", "Somebody changed the configuration; before and after"

    @property
    def group(self) -> str:
        return self.value.split(".", 1)[0]


ATTEMPT_ENDS = frozenset(
    {EventType.RECIPIENT_DELIVERED, EventType.RECIPIENT_ERROR, EventType.RECIPIENT_FAILED}
)
ENHANCEMENTS = frozenset(
    {
        EventType.ENHANCEMENT_SUCCESS,
        EventType.ENHANCEMENT_FAILURE,
        EventType.ENHANCEMENT_ERROR,
        EventType.ENHANCEMENT_SKIPPED,
    }
)
DELIVERY_ENDS = frozenset(
    {EventType.RECIPIENT_DELIVERED, EventType.RECIPIENT_FAILED, EventType.RECIPIENT_SKIPPED}
)
FAILURES = (
    EventType.SOURCE_REJECTED,
    EventType.FILTER_FAILED,
    EventType.RECIPIENT_ERROR,
    EventType.RECIPIENT_FAILED,
    EventType.FEEDBACK_REJECTED,
    EventType.FEEDBACK_FAILED,
)
