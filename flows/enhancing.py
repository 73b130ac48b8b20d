"""Enhancement steps: ask services about a lead and append what they know.

A service that says no, or nothing, leaves the lead going on without its values; the record says
which of both it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from events import shapes
from events.vocabulary import EventType
from flows import inquiries, sendings
from flows.desk import Desk
from flows.inquiries import Answers, Inquiry, Question
from flows.plans import EnhanceStep
from flows.runs import Run
from recipients.deliver import Attempt
from recipients.outcomes import Result


def ask(run: Run, desk: Desk) -> None:
    """Ask the services of the step at hand and of those after it that do not wait for it."""
    steps = list(_together(run))
    inquiries.begin(
        run,
        desk,
        seconds=max(step.endpoint.timeout for step in steps),
        ask=lambda id: [_question(run, step, desk, id) for step in steps],
    )


def _together(run: Run) -> Iterator[EnhanceStep]:
    names: set[str] = set()
    for step in run.flow.steps[run.lead.step :]:
        if not isinstance(step, EnhanceStep) or step.needs & names:
            return
        names.add(step.name)
        yield step


def _question(run: Run, step: EnhanceStep, desk: Desk, inquiry_id: str) -> Question:
    plan = sendings.hiding(step.plan, run)
    context = sendings.context(run, plan, desk, id=f"{inquiry_id}-{step.name}", attempt=1)
    return Question(step.id, plan, step.endpoint, context)


def take(run: Run, inquiry: Inquiry, answers: Answers) -> None:
    """Append what the services answered; the lead goes on behind them."""
    for question, answer in zip(inquiry.questions, answers, strict=True):
        step = run.flow.step(run.lead.step)
        if not isinstance(step, EnhanceStep) or step.id != question.about:
            return  # the flow was changed meanwhile: what is missing is asked anew
        _record(run, step, answer or inquiries.unanswered(inquiry, "No answer in time"))
        run.lead.step += 1


def _record(run: Run, step: EnhanceStep, attempt: Attempt) -> None:
    result = attempt.result
    facts: dict[str, Any] = {
        "entity_id": step.id,
        "outcome": result.outcome,
        "duration_ms": round(attempt.seconds * 1000),
        "exchange": shapes.exchange(attempt, delivery_id="", attempt_number=1),
        "enhancement": {"id": step.id, "name": step.name},
        "response": shapes.response(attempt),
    }
    if result.accepted:
        appended = _appended(step, result)
        run.lead.values = {**run.lead.values, **appended}
        run.journal.record(
            run.lead,
            EventType.ENHANCEMENT_SUCCESS,
            values=run.lead.values,
            appended=sorted(appended),
            **facts,
        )
        return
    said_no = attempt.reply is not None and not result.outcome.is_technical
    run.journal.record(
        run.lead,
        EventType.ENHANCEMENT_FAILURE if said_no else EventType.ENHANCEMENT_ERROR,
        reason=result.reason,
        failure=shapes.failure(result, retry_eligible=False),
        **facts,
    )


def _appended(step: EnhanceStep, result: Result) -> Mapping[str, Any]:
    return {f"appended.{step.name}.{name}": value for name, value in result.captures.items()}
