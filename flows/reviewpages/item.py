"""One thing that waits for review: why, the lead's data, and what may be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from events import visibility
from events.leadpages.inspector import Shown, inspect
from events.models import Delivery, Event, Lead
from events.pages import page
from events.viewing import recording
from events.viewing.curtain import curtain as curtain_of
from events.viewing.recording import Where
from events.visibility import Sight
from events.zones import remembered
from flows import earlier, plans
from flows.byhand import editing, retrying, reviewing
from flows.byhand.by_hand import NoSuchLead, NotNow
from flows.byhand.editing import Invalid
from flows.plan import DeliverStep, FieldPlan, FlowPlan, Plans
from flows.reviewpages.people import acting, operates


@dataclass(frozen=True, slots=True)
class Typed:
    """A field of the lead's form; a `secret` one is not shown, and stays unless typed anew."""

    plan: FieldPlan
    value: str
    problem: str = ""
    secret: bool = False


class NotPossible(ValueError):
    """What was sent with the form cannot be acted on; the text says why."""


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def item(request: HttpRequest, id: str) -> HttpResponse:
    """A delivery in review, or a lead that was put aside; 404 for what the viewer may not see."""
    sight = visibility.of_user(request.user)
    lead, delivery = _found(id, sight)
    recording.opened(request.user, lead.id, Where.CONSOLE)
    sight = curtain_of(request.user, lead, sight).sight
    problems: Mapping[str, str] = {}
    if request.method == "POST":
        by = acting(request)
        try:
            said, stays = _act(_kept(request, lead), by, lead, delivery)
            messages.success(request, said)
            return redirect("review:item", id) if stays else redirect("review:queue")
        except Invalid as error:
            problems = error.problems
            messages.error(request, "Nothing was changed: some values cannot be taken.")
        except (NotNow, NotPossible, NoSuchLead) as error:
            messages.error(request, str(error))
            return redirect("review:item", id)
    return _page(request, sight, lead, delivery, problems)


def _kept(request: HttpRequest, lead: Lead) -> dict[str, str]:
    """The form without the boxes that nobody typed into because their values are hidden."""
    form = request.POST.dict()
    hidden = request.POST.getlist("hidden")
    return {
        name: text
        for name, text in form.items()
        if text.strip() or name.removeprefix("field-") not in hidden
    }


def _found(id: str, sight: Sight) -> tuple[Lead, Delivery | None]:
    if id.startswith("dlv_"):
        rows = sight.deliveries().select_related("recipient", "lead__flow", "lead__source")
        delivery = rows.filter(pk=id).first()
        if delivery is not None:
            return delivery.lead, delivery
    elif sight.sees_all:
        lead = Lead.objects.select_related("flow", "source").filter(pk=id).first()
        if lead is not None:
            return lead, None
    raise Http404("There is no such thing.")


def _act(
    form: Mapping[str, str], by: str, lead: Lead, delivery: Delivery | None
) -> tuple[str, bool]:
    """Do what the form asks for; the sentence to say, and whether the page stays."""
    action = ACTIONS.get(form.get("action", ""))
    if action is None:
        raise NotPossible("Nothing was asked for.")
    seen = form.get("seen", "")
    if not seen.isdecimal():
        raise NotPossible("The page is too old; look at it again.")
    return action(form, by, lead, delivery, int(seen[:9]))


def _save(form: Any, by: str, lead: Lead, delivery: Delivery | None, seen: int) -> tuple[str, bool]:
    changed = editing.edit(lead.id, _given(form, lead), by=by, seen=seen)
    return (f"Changed {', '.join(changed)}." if changed else "Nothing was changed."), True


def _save_and_send(
    form: Any, by: str, lead: Lead, delivery: Delivery | None, seen: int
) -> tuple[str, bool]:
    one = _one(delivery)
    changed = editing.edit(lead.id, _given(form, lead), by=by, seen=seen)
    seen += bool(changed)
    retrying.retry_delivery(one.id, by=by, seen=seen)
    what = f"Changed {', '.join(changed)}, and sent" if changed else "Sent"
    return f"{what} again to {one.recipient.name}.", False


def _send(form: Any, by: str, lead: Lead, delivery: Delivery | None, seen: int) -> tuple[str, bool]:
    one = _one(delivery)
    retrying.retry_delivery(one.id, by=by, seen=seen, force=form.get("force") == "1")
    return f"Sent again to {one.recipient.name}.", False


def _elsewhere(
    form: Any, by: str, lead: Lead, delivery: Delivery | None, seen: int
) -> tuple[str, bool]:
    to = plans.current().recipients.get(form.get("recipient", ""))
    if to is None:
        raise NotPossible("Choose a recipient.")
    reviewing.send_elsewhere(
        _one(delivery).id, to.id, by=by, seen=seen, force=form.get("force") == "1"
    )
    return f"Sent to {to.name} instead.", False


def _close(
    form: Any, by: str, lead: Lead, delivery: Delivery | None, seen: int
) -> tuple[str, bool]:
    reason = form.get("reason", "").strip()
    if not reason:
        raise NotPossible("Say why: the reason stands in the record.")
    if delivery is None:
        reviewing.close_lead(lead.id, by=by, reason=reason, seen=seen)
        return "Closed. The lead ends here.", False
    decision = form.get("decision", "")
    if decision == "accepted":
        reviewing.accept(
            delivery.id, by=by, reason=reason, seen=seen, price=_price(form.get("price", "")),
            buyer_lead_id=form.get("buyer_lead_id", "").strip()[:200],
        )  # fmt: skip
        return f"Recorded: {delivery.recipient.name} has it.", False
    if decision not in reviewing.ENDS:
        raise NotPossible("Choose what came of it.")
    end = form.get("then") == "end"
    reviewing.close(delivery.id, by=by, reason=reason, decision=decision, end=end, seen=seen)
    return ("Closed. The lead ends here." if end else "Closed. The lead goes on."), False


def _release(
    form: Any, by: str, lead: Lead, delivery: Delivery | None, seen: int
) -> tuple[str, bool]:
    reviewing.release(lead.id, by=by, seen=seen)
    return "Released. Work goes on with it.", False


Action = Callable[[Any, str, Lead, Delivery | None, int], tuple[str, bool]]
ACTIONS: dict[str, Action] = {
    "save": _save,
    "save_and_send": _save_and_send,
    "send": _send,
    "elsewhere": _elsewhere,
    "close": _close,
    "release": _release,
}


def _one(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise NotPossible("There is no delivery yet.")
    return delivery


def _price(text: str) -> Decimal | None:
    text = text.strip().replace(",", "")
    if not text:
        return None
    try:
        price = Decimal(text)
    except ArithmeticError:
        price = Decimal("NaN")
    if not price.is_finite() or not 0 <= price < 100_000_000 or price != round(price, 4):
        raise NotPossible(f"{text[:30]!r} is no price.")
    return price


def _given(form: Mapping[str, str], lead: Lead) -> dict[str, str]:
    """What was typed; a sensitive value that was not typed anew stays as it is."""
    flow = earlier.followed(plans.current(), lead)
    given = {}
    for plan in flow.fields if flow else ():
        text = form.get(f"field-{plan.name}")
        if text is not None and (text.strip() or plan.privacy != "sensitive"):
            given[plan.name] = text
    return given


def _page(
    request: HttpRequest,
    sight: Sight,
    lead: Lead,
    delivery: Delivery | None,
    problems: Mapping[str, str],
) -> HttpResponse:
    current = plans.current()
    flow = earlier.followed(current, lead)
    last = _last(lead, delivery, sight)
    held = delivery.state == "review" if delivery else lead.status == "review"
    acts = operates(request) and held
    exclusive = _is_exclusive(flow, delivery)
    return page(
        request,
        "review/item.html",
        "Review",
        zone=remembered(request.session),
        subtitle=delivery.recipient.name if delivery else lead.id,
        lead=lead,
        delivery=delivery,
        reason=delivery.reason if delivery else lead.reason,
        held=held,
        since=(delivery or lead).held_at,
        may_have=delivery is not None and reviewing.may_have_it(delivery),
        bought=_bought(lead, current, exclusive=exclusive) if acts and delivery else "",
        exclusive=exclusive,
        shown=last,
        event=last.event if last else None,
        fields=_typed(request, lead, flow, sight, problems) if acts else [],
        acts=acts,
        others=_others(lead, delivery, flow, current) if acts and delivery else [],
        ends_lead=lead.status in ("review", "working"),
        sees_all=sight.sees_all,
    )


def _last(lead: Lead, delivery: Delivery | None, sight: Sight) -> Shown | None:
    """The last event about it that brought an exchange, else the last about it."""
    events = sight.events().filter(lead_id=lead.id)
    if delivery is not None:
        events = events.filter(data__delivery__id=delivery.id)
    found: Event | None = (
        events.exclude(exchange_id="").order_by("-seq").first() or events.order_by("-seq").first()
    )
    return inspect(found, sight, fresh=False) if found else None


def _typed(
    request: HttpRequest,
    lead: Lead,
    flow: FlowPlan | None,
    sight: Sight,
    problems: Mapping[str, str],
) -> list[Typed]:
    values = editing.values_of(lead.id) if flow else None
    if flow is None or values is None:
        return []
    found = []
    for plan in flow.fields:
        secret = plan.privacy == "sensitive" or (
            plan.privacy != "plain" and not sight.sees_personal
        )
        shown = "" if secret else editing.shown(values, plan)
        typed = request.POST.get(f"field-{plan.name}", "") if problems else shown
        found.append(Typed(plan, typed, problems.get(plan.name, ""), secret))
    return found


def _is_exclusive(flow: FlowPlan | None, delivery: Delivery | None) -> bool:
    step = flow.step(delivery.step) if flow and delivery else None
    return isinstance(step, DeliverStep) and step.pattern.exclusive


def _bought(lead: Lead, current: Plans, *, exclusive: bool) -> str:
    """Who accepted the lead, where nobody else should get it unasked; blank for nobody."""
    if lead.status != "done" and not exclusive:
        return ""
    had = reviewing.buyers(lead.deliveries.all())
    names = [current.recipients[who].name for who in had if who in current.recipients]
    return " and ".join(names)


def _others(
    lead: Lead, delivery: Delivery, flow: FlowPlan | None, current: Plans
) -> list[tuple[str, list[Any]]]:
    """Whom it may go to instead: those of its step, then all others."""
    step = flow.step(delivery.step) if flow else None
    listed = step.candidates if isinstance(step, DeliverStep) else ()
    names = {candidate.recipient for candidate in listed}
    open_to = sorted(
        (
            plan
            for plan in current.recipients.values()
            if plan.id != delivery.recipient_id and not plan.paused_reason
        ),
        key=lambda plan: plan.name.lower(),
    )
    groups = [
        ("In this step", [plan for plan in open_to if plan.id in names]),
        ("Others", [plan for plan in open_to if plan.id not in names]),
    ]
    return [(title, found) for title, found in groups if found]
