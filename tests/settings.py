"""Settings of the test suite: a home and an embedded server of its own in a temporary folder.

Several suites can run side by side, and none touches the database of `make run`. Workers of
pytest-xdist have servers of their own: events settle when nothing older is under way in a server,
in whichever of its databases.
"""

import os
import tempfile

HOME_PREFIX = "leadops-tests-"

if "LEADOPS_TEST_HOME" not in os.environ:
    os.environ["LEADOPS_TEST_HOME"] = tempfile.mkdtemp(prefix=HOME_PREFIX)
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if not os.environ["LEADOPS_TEST_HOME"].endswith(_worker):
    os.environ["LEADOPS_TEST_HOME"] += f"-{_worker}"
    os.mkdir(os.environ["LEADOPS_TEST_HOME"])
os.environ["LEADOPS_HOME"] = os.environ["LEADOPS_TEST_HOME"]
os.environ["LEADOPS_PRIVATE_NETWORKS"] = "127.0.0.0/8,::1/128"  # fake buyers live there
os.environ["LEADOPS_LOG_LEVEL"] = "WARNING"
# A test may call as often as it likes; those of the throttle set rates of their own.
os.environ["LEADOPS_INTAKE_RATE"] = os.environ["LEADOPS_API_RATE"] = "0"

from leadops.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    # Without a manifest or compression: nothing has been collected.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405  # whitenoise warns when it is missing
