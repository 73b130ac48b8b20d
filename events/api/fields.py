"""Which fields a recipient gets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import directory, visibility
from events.parameters import stamp
from events.privacy import recipientfields
from events.privacy.naming import CLASSES
from events.privacy.recipientfields import FlowTerms, Standing, Way
from leadops.lib.access import IsStaff
from recipients.models import MappingVersion, Recipient

PARTY: dict[str, Any] = {
    name: serializers.CharField()
    for name in ("id", "slug", "name")
}  # fmt: skip
CONSENT: dict[str, Any] = {
    "required": serializers.BooleanField(),
    "max_age_seconds": serializers.FloatField(allow_null=True, help_text="Null: any age."),
}
TOLD: dict[str, Any] = {
    "name": serializers.CharField(help_text="`*`: the whole lead."),
    "privacy": serializers.ChoiceField(CLASSES, help_text="The strictest of its flows'."),
    "told_by": serializers.ListField(child=serializers.ChoiceField([way.value for way in Way])),
    "described": serializers.BooleanField(help_text="Whether one of its flows has the field."),
    "since_version": serializers.IntegerField(
        allow_null=True, help_text="Named since then without a break; null: not by the mapping."
    ),
    "since": serializers.DateTimeField(allow_null=True),
}
FIELDS = inline_serializer(
    "RecipientFields",
    {
        "recipient": inline_serializer("RecipientFieldsParty", PARTY),
        "mapping_version": serializers.IntegerField(allow_null=True),
        "made_at": serializers.DateTimeField(allow_null=True),
        "trial_version": serializers.IntegerField(allow_null=True),
        "consent": inline_serializer("RecipientFieldsConsent", CONSENT),
        "flows": inline_serializer(
            "RecipientFieldsFlow",
            {
                **PARTY,
                "consent": inline_serializer(
                    "FlowConsent", {**CONSENT, "field": serializers.CharField(allow_blank=True)}
                ),
            },
            many=True,
        ),
        "fields": inline_serializer("RecipientFieldsField", TOLD, many=True),
    },
)


class RecipientFieldsView(APIView):
    """`GET /api/v1/recipients/{slug}/fields`, for staff who see the recipient"""

    permission_classes = [IsStaff]

    @extend_schema(summary="Which fields a recipient gets", responses={200: FIELDS})
    def get(self, request: Request, slug: str) -> Response:
        party = directory.party("recipients.Recipient", slug)
        sight = visibility.of(visibility.caller(request))
        if party is None or not sight.sees_recipient(party.id):
            raise exceptions.NotFound(f"There is no recipient {slug!r}.")
        recipient = Recipient.objects.get(pk=party.id)
        (standing,) = recipientfields.standing([recipient])
        return Response(
            {"recipient": party.as_json(), **_said(standing, recipientfields.since(recipient))}
        )


def _said(standing: Standing, since: dict[str, MappingVersion]) -> dict[str, Any]:
    recipient, version = standing.recipient, standing.version
    return {
        "mapping_version": version.number if version else None,
        "made_at": stamp(version.made_at) if version else None,
        "trial_version": standing.trial.number if standing.trial else None,
        "consent": {
            "required": recipient.consent_required,
            "max_age_seconds": recipient.consent_max_age,
        },
        "flows": [_flow(flow) for flow in standing.flows],
        "fields": [
            {
                "name": field.name,
                "privacy": field.privacy,
                "told_by": list(field.ways),
                "described": field.described,
                "since_version": row.number if (row := since.get(field.name)) else None,
                "since": stamp(row.made_at) if row else None,
            }
            for field in standing.fields
        ],
    }


def _flow(flow: FlowTerms) -> dict[str, Any]:
    return {
        "id": flow.id,
        "slug": flow.slug,
        "name": flow.name,
        "consent": {
            "required": flow.consent_required,
            "max_age_seconds": flow.consent_max_age,
            "field": flow.consent_field,
        },
    }
