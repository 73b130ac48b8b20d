"""One lead."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events import visibility
from events.api.frugal import ConditionalView
from events.leadjson import lead_json
from events.leadtags import with_tags
from events.snapshots import Snapshots
from events.viewing import recording
from leadops.lib.access import IsStaffOrSource

SEES_ALL, STAFF = "For who sees every lead.", "Staff only."
LEAD = inline_serializer(
    "Lead",
    {
        "id": serializers.CharField(),
        "status": serializers.CharField(),
        "result": serializers.CharField(allow_null=True),
        "reason": serializers.CharField(allow_null=True),
        "flow": serializers.DictField(),
        "source": serializers.DictField(),
        "created_at": serializers.DateTimeField(),
        "completed_at": serializers.DateTimeField(allow_null=True),
        "test": serializers.BooleanField(),
        "currency": serializers.CharField(),
        "price": serializers.FloatField(
            required=False, help_text="What the source is paid for it. Not for account managers."
        ),
        "revenue": serializers.FloatField(required=False, help_text=SEES_ALL),
        "margin": serializers.FloatField(required=False, help_text=SEES_ALL),
        "tags": serializers.ListField(
            child=serializers.CharField(),
            required=False,
            help_text=f"What hooks marked it with. {SEES_ALL}",
        ),
        "deliveries": serializers.ListField(
            child=serializers.DictField(), required=False, help_text=STAFF
        ),
        "disclosed": serializers.DictField(
            required=False, help_text=f"Which fields went to whom, under which consent. {STAFF}"
        ),
        "values": serializers.DictField(allow_null=True, help_text="Null once erased."),
    },
)


class LeadView(ConditionalView):
    """A lead: where it stands and what it says."""

    permission_classes = [IsStaffOrSource]

    @extend_schema(summary="A lead", responses=LEAD)
    def get(self, request: Request, lead_id: str) -> Response:
        sight = visibility.of(visibility.caller(request))
        leads = with_tags(sight.leads(), sight).select_related("flow", "source")
        lead = leads.filter(id=lead_id).first()
        if lead is None:
            raise exceptions.NotFound(f"There is no lead {lead_id!r}.")
        recording.called(visibility.caller(request), lead.id)
        deliveries = sight.deliveries().filter(lead=lead).select_related("recipient").order_by("id")
        newest = (lead.id, lead.snapshot)
        values = Snapshots.read([newest], visibility.caller(request).at).bodies.get(newest)
        return Response(lead_json(lead, sight, values, deliveries))
