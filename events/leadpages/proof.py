"""A lead's proof as a file, for those who may see all of the record: its texts are unmasked."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events import visibility
from events.sealing import proofs
from leadops.lib.bulk import dumps


@never_cache
@login_required
@require_safe
def proof(request: HttpRequest, lead_id: str) -> HttpResponse:
    """The file; the lead's page, saying why there is none; 404 for those who may not have it."""
    sight = visibility.of_user(request.user)
    seen = sight.sees_all and sight.sees_personal and sight.leads().filter(id=lead_id).exists()
    if not seen:
        raise Http404("There is no such lead.")
    try:
        made = proofs.proof(lead_id)
    except proofs.Unproved as error:
        messages.warning(request, str(error))
        return redirect("leads:lead", lead_id)
    answer = HttpResponse(dumps(made), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="proof-{slugify(lead_id)}.json"'
    return answer
