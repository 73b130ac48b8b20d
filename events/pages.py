"""The frame of the record's own pages: the console's look, for those who are signed in."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone


def page(
    request: HttpRequest, template: str, title: str, *, zone: ZoneInfo, **context: Any
) -> HttpResponse:
    """A page of the console, its times in the viewer's zone."""
    with timezone.override(zone):
        return render(
            request,
            template,
            {
                **admin.site.each_context(request),
                "title": title,
                "zone": zone.key,
                **context,
            },
        )
