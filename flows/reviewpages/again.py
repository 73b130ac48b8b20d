"""Send one delivery again, from the lead's page: what that means, then doing it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from events import visibility
from events.models import Delivery
from events.pages import page
from events.zones import remembered
from flows.byhand import retrying
from flows.byhand.by_hand import UNDER_WAY, NotNow
from flows.reviewpages.people import acting


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest, id: str) -> HttpResponse:
    """Asks first, and warns where the recipient or somebody else has the lead."""
    by = acting(request)
    rows = visibility.of_user(request.user).deliveries().select_related("recipient", "lead__flow")
    delivery = rows.filter(pk=id).first()
    if delivery is None:
        raise Http404("There is no such delivery.")
    if request.method == "POST":
        seen = request.POST.get("seen", "")
        try:
            retrying.retry_delivery(
                id,
                by=by,
                force=request.POST.get("force") == "1",
                seen=int(seen[:9]) if seen.isdecimal() else None,
            )
            messages.success(request, f"Sent again to {delivery.recipient.name}.")
        except NotNow as error:
            messages.error(request, str(error))
        return redirect("leads:lead", delivery.lead_id)
    return page(
        request,
        "review/again.html",
        "Send again",
        zone=remembered(request.session),
        delivery=delivery,
        lead=delivery.lead,
        under_way=delivery.state in UNDER_WAY,
        accepted=delivery.state == Delivery.State.ACCEPTED,
        sold_to=_buyers(delivery),
    )


def _buyers(delivery: Delivery) -> list[str]:
    """The others who bought the lead."""
    sold = Delivery.objects.filter(lead=delivery.lead_id, sold=True).exclude(pk=delivery.pk)
    return list(sold.values_list("recipient__name", flat=True))
