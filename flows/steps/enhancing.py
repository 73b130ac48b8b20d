"""Enhancement steps: ask services about a lead and append what they know.

Steps that do not wait for one another are asked together. A service that says no, or nothing,
leaves the lead going on without its values, unless its step says otherwise; the record says which
of both it was. Whom nobody has to ask (the rules of a step leave the lead out, or the answer is
kept) is settled when the others have answered, so that a crash in between records nothing twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from events import shapes
from events.masking import mentions
from events.vocabulary import EventType
from flows.delivery import sendings
from flows.plan import DeliverStep
from flows.steps import answers as kept_answers
from flows.steps import appending, impersonal
from flows.steps.enhancements import EnhanceStep
from flows.turns import inquiries
from flows.turns.desk import Desk
from flows.turns.inquiries import Answers, Inquiry, Question
from flows.turns.runs import Run
from leadops.lib import ids
from recipients.deliver import Attempt
from recipients.mapping import is_blank
from recipients.outcomes import Outcome

# Workers that may die while they ask about a lead, before it goes on without an answer: a service
# whose answer kills workers must not keep the lead, nor the pump, for good.
TRIES: Final = 3
NOT_IN_TIME: Final = "No answer in time"
TOO_LATE: Final = frozenset([NOT_IN_TIME, "Timeout", "Connection timeout"])
NOT_BACK: Final = "No result: the worker did not come back"
NOT_FOR_TESTS: Final = "Not asked for test leads"
NOT_FOR_PINGS: Final = "Not asked for this ping"
WITHHELD: Final = "Not kept: the reply holds sensitive values"


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a step without asking. `values`: its answer is kept. `event` None: what
    happened stands in the record already. `of_ping`: the lead's ping was answered so."""

    event: EventType | None
    reason: str = ""
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    of_ping: bool = False


def ask(run: Run, desk: Desk) -> bool:
    """Ask the services of the step at hand and of those after it that do not wait for it; True
    where nobody has to be asked, and the lead stands behind them."""
    steps = list(_together(run))
    settled = _settled(run, steps, desk)
    asked = [step for step in steps if step.id not in settled]
    if not asked:
        _go_through(run, settled, {}, desk)
        return True
    desk.ask(
        run,
        seconds=max(step.endpoint.timeout for step in asked),
        questions=lambda id: [_question(run, step, desk, id) for step in asked],
        settled=settled,
    )
    return False


def for_ping(run: Run, desk: Desk) -> Inquiry:
    """The questions of a round that a ping has the fields for; `settled` are the other steps."""
    steps = list(_together(run))
    untold = [step for step in steps if not (step.at_pings and _is_told(run, step))]
    left_out = {step.id: Settled(EventType.ENHANCEMENT_SKIPPED, NOT_FOR_PINGS) for step in untold}
    settled = {**_settled(run, [s for s in steps if s.id not in left_out], desk), **left_out}
    asked = [step for step in steps if step.id not in settled]
    id = ids.new_id("inq")
    return Inquiry(
        id=id,
        lead_id=run.lead.id,
        lane="",
        questions=tuple(_question(run, step, desk, id) for step in asked),
        seconds=max((step.endpoint.timeout for step in asked), default=0.0),
        settled=settled,
        test=run.lead.test,
    )


def _is_told(run: Run, step: EnhanceStep) -> bool:
    known = run.judged
    return not any(
        is_blank(known.get(name)) and is_blank(known.get(name.partition(".")[0]))
        for name in step.told
    )


def take(run: Run, inquiry: Inquiry, answers: Answers, desk: Desk) -> None:
    """Append what the services answered; the lead goes on behind them, or is to stop."""
    came = {
        question.about: (question, answer or inquiries.unanswered(inquiry, NOT_IN_TIME))
        for question, answer in zip(inquiry.questions, answers, strict=True)
    }
    _go_through(run, inquiry.settled, came, desk)


def left_behind(run: Run, desk: Desk) -> None:
    """Whoever went for the answers did not come back: say so. The services are asked once more;
    after some tries the lead goes on without them."""
    if not isinstance(run.flow.step(run.lead.step), EnhanceStep):
        return
    steps = list(_together(run))
    settled = _settled(run, steps, desk)
    asked = [step for step in steps if step.id not in settled]
    for step in asked:
        _record_settled(run, step, Settled(EventType.ENHANCEMENT_ERROR, NOT_BACK))
    if run.work is not None and run.work.claims > TRIES:
        over = {step.id: Settled(None, NOT_BACK) for step in asked}
        _go_through(run, {**settled, **over}, {}, desk)


def _together(run: Run) -> Iterator[EnhanceStep]:
    """The step at hand, and those behind it that need nothing of those before them."""
    names: set[str] = set()
    for step in run.flow.steps[run.lead.step :]:
        if not isinstance(step, EnhanceStep) or step.needs & names:
            return
        names.add(step.name)
        yield step


def _settled(run: Run, steps: Sequence[EnhanceStep], desk: Desk) -> dict[str, Settled]:
    """The steps of a round that nobody is asked for, by id."""
    found = {step.id: _without_asking(run, step, desk) for step in steps}
    return {id: settled for id, settled in found.items() if settled is not None}


def _without_asking(run: Run, step: EnhanceStep, desk: Desk) -> Settled | None:
    if step.when is not None:
        verdict = step.when.evaluate(run.judged)
        if not verdict.passed:
            why = verdict.failed.masked(run.flow.private).text if verdict.failed else ""
            return Settled(EventType.ENHANCEMENT_SKIPPED, f"Not asked: {why}")
    if run.lead.test and step.skips_tests:
        return Settled(EventType.ENHANCEMENT_SKIPPED, NOT_FOR_TESTS)
    if step.broken:
        return Settled(EventType.ENHANCEMENT_ERROR, step.broken)
    if not step.keeps:
        return None
    for place, digest in enumerate(_kept_under(run, step, desk)):
        if (values := desk.answers.get(digest)) is not None:
            return Settled(EventType.ENHANCEMENT_SUCCESS, values=values, of_ping=place == 0)
    return None


def _kept_under(run: Run, step: EnhanceStep, desk: Desk) -> tuple[bytes, bytes]:
    """The digests that an answer may be found under: that of the lead's ping, and whoever's."""
    context = sendings.context(run, step.plan, desk, id="", attempt=1)
    question = kept_answers.question_of(step, context, test=run.lead.test)
    own = kept_answers.of_ping(question, run.lead.id) if step.at_pings and not run.partial else b""
    return own, question if step.cached else b""


def _question(run: Run, step: EnhanceStep, desk: Desk, inquiry_id: str) -> Question:
    plan = sendings.hiding(step.plan, run)
    context = sendings.context(run, step.plan, desk, id=f"{inquiry_id}-{step.name}", attempt=1)
    digest = kept_answers.digest_of(step, context, test=run.lead.test)
    return Question(step.id, plan, step.endpoint, context, key=digest)


def _go_through(
    run: Run,
    settled: Mapping[str, Settled],
    came: Mapping[str, tuple[Question, Attempt]],
    desk: Desk,
) -> None:
    """Record the steps of a round in their order; the lead goes on behind them. A step that the
    flow has got meanwhile is not among them: it is asked next."""
    while isinstance(step := run.flow.step(run.lead.step), EnhanceStep):
        if step.id in came:
            _record(run, step, *came[step.id], desk)
        elif step.id in settled:
            _record_settled(run, step, settled[step.id])
            if step.stops and settled[step.id].event in (None, EventType.ENHANCEMENT_ERROR):
                _stop(run, settled[step.id].reason)
        else:
            return
        run.lead.step += 1


def _stop(run: Run, reason: str) -> None:
    run.stopped_by = run.stopped_by or reason


def _record_settled(run: Run, step: EnhanceStep, settled: Settled) -> None:
    if settled.event is None:
        return
    facts: dict[str, Any] = {"reason": settled.reason}
    if settled.event is EventType.ENHANCEMENT_SUCCESS:
        facts = {"outcome": Outcome.ACCEPTED, "cached": True}
        facts |= {"of_ping": True} if settled.of_ping else {}
        facts |= _append(run, step, settled.values)
    elif settled.event is EventType.ENHANCEMENT_SKIPPED:
        facts["outcome"] = Outcome.SKIPPED
    else:
        outcome = Outcome.UNKNOWN if settled.reason == NOT_BACK else Outcome.INVALID
        facts["outcome"] = outcome
    run.journal.record(run.lead, settled.event, entity_id=step.id, **_named(step), **facts)


def _record(run: Run, step: EnhanceStep, question: Question, attempt: Attempt, desk: Desk) -> None:
    attempt = _in_time(_impersonal(run, attempt), step)
    result = attempt.result
    facts: dict[str, Any] = {
        "entity_id": step.id,
        "outcome": result.outcome,
        "duration_ms": round(attempt.seconds * 1000),
        "exchange": _exchange(step, attempt),
        **_named(step),
        "response": _response(attempt),
    }
    answered = attempt.reply is not None and not result.outcome.is_technical
    if answered:
        facts |= _charge(run, step)
    if result.accepted:
        facts |= _append(run, step, result.captures)
        run.journal.record(run.lead, EventType.ENHANCEMENT_SUCCESS, **facts)
        desk.answers.keep(step, question.key, run.lead.id, result.captures)
        return
    run.journal.record(
        run.lead,
        EventType.ENHANCEMENT_FAILURE if answered else EventType.ENHANCEMENT_ERROR,
        reason=result.reason,
        failure=shapes.failure(result, retry_eligible=False),
        **facts,
    )
    if step.stops:
        _stop(run, result.reason)


def _in_time(attempt: Attempt, step: EnhanceStep) -> Attempt:
    """The attempt, whose reason says how long was waited where no answer came in time."""
    if attempt.reply is not None or attempt.result.reason not in TOO_LATE:
        return attempt
    reason = f"Service timeout after {round(step.endpoint.timeout * 1000)}ms"
    return dataclasses.replace(attempt, result=dataclasses.replace(attempt.result, reason=reason))


def _impersonal(run: Run, attempt: Attempt) -> Attempt:
    """The attempt in our own words where the service repeats the lead's: the exchange has its
    words, and can be erased; the event cannot."""
    result = attempt.result
    private = impersonal.private_values(run).values()
    if not mentions(" ".join((result.reason, result.message, result.details)), private):
        return attempt
    status = attempt.reply.status if attempt.reply else "nothing"
    told = "" if result.accepted else f"The service answered {status}"
    return dataclasses.replace(
        attempt, result=dataclasses.replace(result, reason=told, message="", details="")
    )


def _named(step: EnhanceStep) -> dict[str, Any]:
    return {"enhancement": {"id": step.id, "name": step.name}}


def _charge(run: Run, step: EnhanceStep) -> dict[str, Any]:
    """An answer is paid for, a yes or a no; test leads never cost."""
    if run.lead.test or not step.cost:
        return {}
    run.lead.cost += step.cost
    run.lead.services_cost += step.cost
    return {"cost": shapes.money(step.cost)}


def _append(run: Run, step: EnhanceStep, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the lead the values; sensitive ones apart from its snapshots. What goes in the event:
    names alone, for it is permanent."""
    hidden = {appending.key(step.name, n): v for n, v in values.items() if n in step.hides}
    if hidden:
        run.lead.hide(hidden)
    shown = {
        appending.key(step.name, name): appending.MASK if name in step.hides else value
        for name, value in values.items()
    }
    # What an earlier answer said, and this one does not, holds no longer.
    gone = {n for n in run.lead.values if n.startswith(f"{appending.key(step.name, '')}")}
    run.lead.values = {
        **{n: v for n, v in run.lead.values.items() if n not in gone},
        **shown,
    }
    return {"appended": sorted(shown), "values": run.lead.values}


def _exchange(step: EnhanceStep, attempt: Attempt) -> dict[str, Any] | None:
    """Request and reply as they are kept; a reply that may hold sensitive values is not."""
    found = shapes.exchange(attempt, delivery_id="", attempt_number=1)
    if found is None or attempt.reply is None or not step.hides:
        return found
    return {**found, "reply_body": WITHHELD}


def _response(attempt: Attempt) -> dict[str, Any] | None:
    """What came back, without the values: they are in the snapshot, which can be erased."""
    told = dataclasses.replace(attempt.result, captures={})
    return shapes.response(dataclasses.replace(attempt, result=told))


def look_up(runs: Iterable[Run], answers: Sequence[tuple[Inquiry, Answers]], desk: Desk) -> None:
    """Look up the kept answers that the leads of a turn may ask for, in one statement."""
    came = {inquiry.lead_id: (inquiry, found) for inquiry, found in answers}
    digests: list[bytes] = []
    for run in runs:
        if run.lead.status == "working" and any(_keeping(run)):
            digests += _foreseen(run, came.get(run.lead.id), desk)
    desk.answers.look_up(filter(None, digests))


def _keeping(run: Run) -> Iterator[EnhanceStep]:
    """The steps to which answers may be kept, before the lead comes to anything else than
    enhancements and filters."""
    for step in run.flow.steps[run.lead.step :]:
        if isinstance(step, EnhanceStep) and step.keeps:
            yield step
        if isinstance(step, DeliverStep):
            return


def _foreseen(run: Run, came: tuple[Inquiry, Answers] | None, desk: Desk) -> Iterator[bytes]:
    """Digests of what the lead may ask, with what its answers of this turn are about to append."""
    seen = dataclasses.replace(
        run, lead=dataclasses.replace(run.lead, values=_with_answers(run, came))
    )
    for step in _keeping(run):
        yield from _kept_under(seen, step, desk)


def _with_answers(run: Run, came: tuple[Inquiry, Answers] | None) -> dict[str, Any]:
    values = dict(run.lead.values)
    if came is None or came[0].id != run.lead.inquiry:
        return values
    for question, answer in zip(came[0].questions, came[1], strict=True):
        if answer is not None and answer.result.accepted:
            for name, value in answer.result.captures.items():
                values[appending.key(question.plan.slug, name)] = value
    return values
