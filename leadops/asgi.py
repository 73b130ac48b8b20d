"""The asynchronous door; production serves leadops.wsgi."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadops.settings")

application = get_asgi_application()
