"""A link with which a source opens its submission specification of a flow."""

from __future__ import annotations

from django.db import models

from flows.models.flow import FlowSource
from leadops.lib.fields import IdField
from leadops.lib.links import SignedLink


class SubmissionLink(SignedLink):
    """It goes when the source leaves the flow."""

    salt = "leadops.submission"
    about = ("terms__flow", "terms__source")

    id = IdField("sbl")
    terms = models.ForeignKey(FlowSource, on_delete=models.CASCADE, related_name="submission_links")

    class Meta(SignedLink.Meta):
        pass
