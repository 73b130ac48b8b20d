"""The desk of the rules editor: which fields it may offer, and a rule tried on recent leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from events import visibility
from flows.models import Flow, Source, Step
from flows.trying import draftleads, rulefields, ruletrials
from flows.trying.ruletrials import Judges, Trial, Whose
from leadops.lib import conditions, documents
from leadops.lib.admin.rules import problems, written
from leadops.lib.conditions import ConditionError, Rule
from recipients import pricefigures

RECENT: Final = 20  # leads whose further names are offered
MAX_DECIDED: Final = 20
CHANGES: Final = {
    "flow": "flows.change_flow",
    "step": "flows.change_flow",
    "recipient": "recipients.change_recipient",
    "source": "flows.change_source",
}
"""What a rule may be about, and what somebody must be allowed who writes one."""


@require_http_methods(["GET", "POST"])
def rules_view(request: HttpRequest) -> HttpResponse:
    """GET: what may be offered. POST: the rule read (`part=read`), or tried."""
    sent = request.POST if request.method == "POST" else request.GET
    flows = _flows(request, sent.get("about", ""))
    if request.method == "GET":
        return JsonResponse(_offered(request, flows))
    try:
        document = documents.read(sent.get("rule", ""))
        rule = conditions.parse(document)
    except documents.DocumentError as error:
        return JsonResponse({"problems": [{"path": "", "message": str(error)}]})
    except ConditionError as error:
        return JsonResponse({"problems": problems(error), **_as_text(sent, document)})
    if sent.get("part") == "read":
        return JsonResponse(_as_text(sent, document))
    known = {each.value for each in Judges}
    judges = Judges(sent["judges"]) if sent.get("judges") in known else Judges.ACCEPTED
    whose = Whose(flows, judges, _source(sent))
    return JsonResponse(
        _told(rule, ruletrials.tried(rule, whose, visibility.of_user(request.user)), whose)
    )


def _flows(request: HttpRequest, about: str) -> list[str]:
    """The flows whose leads a rule judges; none of what is not saved yet. Raises PermissionDenied
    and Http404."""
    kind, _, key = about.partition(":")
    permission = CHANGES.get(kind)
    if permission is None or not request.user.has_perm(permission):
        raise PermissionDenied
    if not key:
        return []
    if kind == "flow" and Flow.objects.filter(pk=key).exists():
        return [key]
    if kind == "step" and (step := Step.objects.filter(pk=key).first()):
        return [step.flow_id]
    if kind == "source" and (source := Source.objects.filter(pk=key).first()):
        return list(source.flows.values_list("flow_id", flat=True))
    visible = request.user.visible_recipients()  # type: ignore[union-attr]
    if kind == "recipient" and (recipient := visible.filter(pk=key).first()):
        return draftleads.flow_ids(recipient)
    raise Http404


def _source(sent: Any) -> str:
    """The source whose leads alone count; blank: those of all."""
    kind, _, key = sent.get("about", "").partition(":")
    return str(key if kind == "source" else sent.get("source", ""))


def _offered(request: HttpRequest, flows: Sequence[str]) -> dict[str, Any]:
    sight = visibility.of_user(request.user)
    seen = ruletrials.recent_values(flows, sight, RECENT)
    return {
        "fields": [each.as_json() for each in rulefields.offered(flows, seen)],
        "types": rulefields.types(),
    }


def _as_text(sent: Any, document: Any) -> dict[str, str]:
    """The rule as JSON, for an editor that has it as YAML."""
    if sent.get("part") != "read" or not isinstance(document, dict | None):
        return {}
    return {"text": written(document) if document else ""}


def _told(rule: Rule, trial: Trial, whose: Whose) -> dict[str, Any]:
    first, rest = _sum(trial)
    return {
        "sum": first,
        "rest": rest,
        "looked": trial.looked,
        "passed": trial.passed,
        "held": trial.held,
        "decided": [
            {"path": path, "count": count, "text": _stops(rule, path)}
            for path, count in trial.decided.most_common(MAX_DECIDED)
        ],
        "examples": [
            {
                "id": each.lead_id,
                "url": reverse("leads:lead", args=[each.lead_id]),
                "at": each.at.isoformat(),
                "when": f"{each.at:%d %b %H:%M:%S}",
                "why": each.why,
            }
            for each in trial.examples
        ],
        "notes": list(_notes(rule, trial, whose)),
    }


def _stops(rule: Rule, path: str) -> str:
    """What about a rule stops leads: that it does not hold; or inside of a `not` that it does."""
    turned = path.split(".").count("not") % 2 == 1
    return f"{'ruled out' if turned else 'not so'}: {rule.words(path)}"


def _sum(trial: Trial) -> tuple[str, str]:
    if not trial.looked and trial.stopped:
        return "Nothing to say:", "not one lead could be tried within the time."
    if not trial.looked:
        return "There are no leads yet", "to try it on."
    leads = "lead" if trial.looked == 1 else f"{trial.looked} leads"
    return f"{trial.passed} of the last {leads}", "would pass."


def _notes(rule: Rule, trial: Trial, whose: Whose) -> Sequence[str]:
    found = []
    if trial.stopped and trial.looked:
        found.append(f"The time was over after {trial.looked} leads.")
    if trial.erased:
        found.append(f"{trial.erased} more were erased.")
    measured = [name for name in rule.fields if pricefigures.is_figure(name)]
    if measured:
        found.append(f"{', '.join(measured)}: measured when a lead is priced, missing here.")
    for name in ruletrials.unseen(rule, whose.flows):
        found.append(f"{name} is too sensitive for the record: here it counts as hidden.")
    return found
