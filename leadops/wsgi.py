"""The door for web servers: `gunicorn leadops.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from leadops.arrivals import Bodies
from leadops.departures import Departures

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadops.settings")

application = Departures(Bodies(get_wsgi_application()))
