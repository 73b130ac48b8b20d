"""The site as an app: its commands and checks."""

from __future__ import annotations

from django.apps import AppConfig


class LeadOpsConfig(AppConfig):
    name = "leadops"
    verbose_name = "LeadOps"
