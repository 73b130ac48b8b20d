"""What recipients get: which fields each is told, as a list, as a file and of one in full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events import cursors, visibility
from events.pages import page
from events.privacy import recipientfields
from events.privacy.recipientfields import Standing
from events.visibility import Sight
from events.zones import remembered
from leadops.lib import csvsafe
from recipients.models import Recipient

SHOWN = 25
AT_ONCE = 100  # of the file
HEAD = (
    "recipient", "slug", "field", "class", "told by", "mapping version", "version made",
    "recipient requires consent", "consent not older than", "flows that require consent", "flows",
)  # fmt: skip


@never_cache
@login_required
@require_safe
def recipients(request: HttpRequest) -> HttpResponse:
    """Every recipient with its fields by class."""
    rows = _seen(_sight(request))
    after = _slug(request.GET.get("after", ""))
    found = list(rows.filter(slug__gt=after)[: SHOWN + 1])
    shown = found[:SHOWN]
    return page(
        request,
        "privacy/recipients.html",
        "What recipients get",
        zone=remembered(request.session),
        rows=recipientfields.standing(shown),
        after=cursors.encode(shown[-1].slug) if len(found) > SHOWN else "",
        began=bool(after),
    )


@never_cache
@login_required
@require_safe
def recipients_file(request: HttpRequest) -> StreamingHttpResponse:
    """The same of all, as CSV: a line for each field."""
    answer = StreamingHttpResponse(
        _lines(_seen(_sight(request))), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = 'attachment; filename="what-recipients-get.csv"'
    return answer


@never_cache
@login_required
@require_safe
def recipient(request: HttpRequest, slug: str) -> HttpResponse:
    """One: since when each field, version by version, and what nobody is told."""
    sight = _sight(request)
    one = _seen(sight).filter(slug=slug).first()
    if one is None:
        raise Http404("There is no such recipient.")
    (standing,) = recipientfields.standing([one])
    before = _number(request.GET.get("before", ""))
    versions, more = recipientfields.history(
        one, recipientfields.classes_for(one), before=before, limit=SHOWN
    )
    named_since = recipientfields.since(one)
    return page(
        request,
        "privacy/recipient.html",
        "What recipients get",
        zone=remembered(request.session),
        subtitle=one.name,
        standing=standing,
        fields=[(field, named_since.get(field.name)) for field in standing.fields],
        versions=versions,
        older=cursors.encode(versions[-1].row.number) if more else "",
        began=before is not None,
        # Who else a flow delivers to, and what they are told, is not for those who see a part.
        unnamed=recipientfields.unnamed(standing.flows) if sight.sees_all else None,
    )


def _sight(request: HttpRequest) -> Sight:
    user: Any = request.user
    if not user.has_perm("recipients.view_recipient"):
        raise PermissionDenied
    return visibility.of_user(user)


def _seen(sight: Sight) -> QuerySet[Recipient]:
    rows = Recipient.objects.order_by("slug")
    return rows if sight.recipients is None else rows.filter(pk__in=sight.recipients)


def _slug(cursor: str) -> str:
    """After which the list goes on; one that is none begins anew."""
    try:
        return cursors.decode(cursor)[0].replace("\0", "")
    except ValueError:
        return ""


def _number(cursor: str) -> int | None:
    try:
        return cursors.number(cursor)
    except ValueError:
        return None


def _lines(rows: QuerySet[Recipient]) -> Iterator[str]:
    yield csvsafe.BOM + csvsafe.line(HEAD)
    after = ""
    while some := list(rows.filter(slug__gt=after)[:AT_ONCE]):
        for each in recipientfields.standing(some):
            yield from _lines_of(each)
        after = some[-1].slug


def _lines_of(each: Standing) -> Iterator[str]:
    made = each.version.made_at.isoformat(timespec="seconds") if each.version else ""
    for field in each.fields:
        yield csvsafe.line(
            [
                each.recipient.name,
                each.recipient.slug,
                field.name,
                field.privacy,
                ", ".join(field.ways),
                str(each.version.number) if each.version else "",
                made,
                "yes" if each.recipient.consent_required else "no",
                each.oldest,
                _slugs(each.requiring),
                _slugs(each.flows),
            ]
        )


def _slugs(flows: Iterable[recipientfields.FlowTerms]) -> str:
    return " ".join(flow.slug for flow in flows)
