"""Django's settings. What changes between machines comes from the environment (env.py)."""

from __future__ import annotations

import os

from leadops import env
from leadops.console import UNFOLD  # noqa: F401
from leadops.lib import postgres, queue

ENVIRONMENT = env.read()

LEADOPS_HOME = ENVIRONMENT.home
LEADOPS_SECRETS_KEY = ENVIRONMENT.secrets_key
LEADOPS_LEASE = ENVIRONMENT.lease_seconds
LEADOPS_PRIVATE_NETWORKS = ENVIRONMENT.private_networks
LEADOPS_TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
LEADOPS_INTAKE_RATE = ENVIRONMENT.intake_rate
LEADOPS_API_RATE = ENVIRONMENT.api_rate
LEADOPS_WEB_WORKERS = ENVIRONMENT.web_workers
LEADOPS_STREAMS = ENVIRONMENT.streams
LEADOPS_CALLER_STREAMS = ENVIRONMENT.caller_streams
LEADOPS_PUMP_THREADS = ENVIRONMENT.pump_threads
LEADOPS_STOP_SECONDS = 10.0  # what attempts under way get to end when the pumps stop

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)

INSTALLED_APPS = [
    "leadops.apps.LeadOpsConfig",  # before django_q: its `qcluster` command is ours
    "leadops.accounts",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "django_q",
    "flows",
    "events",
    "recipients",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "leadops.inbound.Inbound",
    "leadops.lib.origin.Origins",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "leadops.urls"
WSGI_APPLICATION = "leadops.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [env.PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database

if ENVIRONMENT.database_url:
    _database = env.database(ENVIRONMENT.database_url)
else:
    _database = {
        "ENGINE": "leadops.lib.embedded",  # joins or starts the server at the first connection
        "NAME": postgres.DATABASE,
        "USER": postgres.USER,
        "HOST": str(postgres.place(LEADOPS_HOME).sockets),
        "PORT": str(postgres.PORT),
        "OPTIONS": {},
    }

DATABASES = {
    "default": {
        **_database,
        # Persistent connections: a new one for each task costs twenty times a wake-up.
        # Not psycopg's pool: it does not survive a fork.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            **_database["OPTIONS"],  # type: ignore[dict-item]  # a dict by construction
            "application_name": os.environ.get("LEADOPS_PROCESS", "leadops"),
            "prepare_threshold": 5,  # for leadops.lib.wire; Django's own cursors prepare nothing
        },
        "TEST": {"TEMPLATE": "template0"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- accounts and security

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "dashboards:overview"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if ENVIRONMENT.trust_proxy:  # TLS ends at a proxy, so browsers only ever come over https
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# A lead may be 256 KiB; intake answers larger ones itself, before Django would.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
# A mapping may have a thousand rows, and browsers send up to seven values a row, with the rows that
# it replaces besides; Django's 1,000 ended it at 180. The bytes above bound it all the same.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 15_000

# --- mail: deliveries without a server of their own, and alerts

EMAIL_HOST = ENVIRONMENT.mail.host
EMAIL_PORT = ENVIRONMENT.mail.port
EMAIL_HOST_USER = ENVIRONMENT.mail.username
EMAIL_HOST_PASSWORD = ENVIRONMENT.mail.password
EMAIL_USE_TLS = ENVIRONMENT.mail.starttls
EMAIL_USE_SSL = ENVIRONMENT.mail.tls
EMAIL_TIMEOUT = 10  # seconds that alerts give it; Django's own would wait for ever
DEFAULT_FROM_EMAIL = ENVIRONMENT.mail_from

# --- language, time, files

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = LEADOPS_HOME / "static"
# Without a collected folder whitenoise serves from the packages.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "admin").exists()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
MEDIA_ROOT = LEADOPS_HOME / "files"
MEDIA_URL = "/files/"

# --- libraries (unfold's settings are in leadops/console.py)

Q_CLUSTER = queue.configuration()

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "leadops.lib.api.JsonAlways",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "leadops.api.KeyAuthentication",
        "leadops.api_session.SessionReading",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["leadops.lib.access.IsStaff"],
    "DEFAULT_THROTTLE_CLASSES": ["leadops.api_throttle.ByCaller"],
    "DEFAULT_PARSER_CLASSES": ["leadops.lib.api.JsonParser"],
    "EXCEPTION_HANDLER": "leadops.lib.api.on_error",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LeadOps",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "leadops.api_schema.described",
    ],
}


# --- logs: one line each on standard error; bodies and secrets are never logged

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "leadops.lib.tracebacks.Formatter",
            "format": "{asctime} {levelname} {process} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": ENVIRONMENT.log_level},
    "loggers": {
        # Django adds handlers of its own that mail tracebacks with settings to ADMINS.
        "django": {"handlers": [], "level": ENVIRONMENT.log_level, "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
        "urllib3": {"level": "WARNING"},
    },
}
