"""Settings: everything that differs between machines comes from the environment (django-environ).

A missing or misspelt required value stops start-up. `.run/env`, written by set-up, is read when it exists, so that
`manage.py` works in a checkout without further ado; real environment variables win over it.
"""

import glob
import sysconfig
from pathlib import Path

import environ
import pghistory
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
_env_file = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".run" / "env")))
if _env_file.is_file():
    env.read_env(_env_file, overwrite=False)

SECRET_KEY = env.str("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# GDAL 3.9 or newer, or Django warns of malicious spatial references (gis.W001): the wheels bring it, Debian 12 does not.
_lib = sysconfig.get_paths()["platlib"]
_gdal = env.list("GDAL_LIBRARY_PATH", default=glob.glob(f"{_lib}/pyogrio.libs/libgdal-*.so*"))
_geos = env.list("GEOS_LIBRARY_PATH", default=glob.glob(f"{_lib}/shapely.libs/libgeos_c-*.so*"))
if _gdal and _geos:
    GDAL_LIBRARY_PATH, GEOS_LIBRARY_PATH = _gdal[0], _geos[0]

INSTALLED_APPS = [
    "poverty.apps.PovertyConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "poverty.apps.AdminConfig",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "axes",
    "csp",
    "django_htmx",
    "leaflet",
    "pghistory",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "regions",
    "accounts",
    "jobs",
    "exchange",
    "validation",
    "dashboard",
    "households",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.middleware.InterfaceLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "poverty.inputs.InputMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.api.TokenMiddleware",
    "accounts.middleware.SessionRulesMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.PolicyMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "poverty.urls"
WSGI_APPLICATION = "poverty.wsgi.application"
FORM_RENDERER = "poverty.rendering.Renderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.frame",
            ],
            "builtins": ["poverty.templatetags.figures"],
        },
    }
]


def _database(url: str) -> dict:
    """Return a Django database: persistent, health-checked connections (a fresh one per request is 8 times slower)."""
    parsed = environ.Env.db_url_config(url, engine="django.contrib.gis.db.backends.postgis")
    options = parsed.pop("OPTIONS", {})
    # "?host=/folder&port=…" names a Unix socket, as psql takes it.
    parsed["HOST"], parsed["PORT"] = options.pop("host", parsed["HOST"]), options.pop("port", parsed["PORT"])
    return {
        **parsed,
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=600),
        "CONN_HEALTH_CHECKS": True,
        # Compiling a statement takes longer than running it here: a page of the list took seconds instead of a tenth.
        "OPTIONS": {**options, "application_name": "poverty", "options": "-c jit=off"},
    }


DATABASES = {"default": _database(env.str("DATABASE_URL"))}
if env.str("DATABASE_OWNER_URL", default=""):
    # Only set-up, migrations and tests are given this one.
    DATABASES["owner"] = {**_database(env.str("DATABASE_OWNER_URL")), "ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}


def _celery_url(url: str) -> str:
    """Return the spelling that Celery wants of a Redis address on a Unix socket."""
    if not url.startswith("unix://"):
        return url
    path, _sep, query = url.removeprefix("unix://").partition("?")
    database = dict(part.split("=", 1) for part in query.split("&") if "=" in part).get("db", "0")
    return f"redis+socket://{path}?virtual_host={database}"


CELERY_BROKER_URL = _celery_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 3600
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": CELERY_TASK_TIME_LIMIT + 900}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ROUTES = {"jobs.run": {"queue": "imports"}}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TIMEZONE = "Asia/Shanghai"
# When the night's work begins, as minute, hour, day of the month, month, weekday; in local time.
NIGHTLY_RULES_AT = env.str("NIGHTLY_RULES_AT", default="30 2 * * *")
MONTHLY_REPORTS_AT = env.str("MONTHLY_REPORTS_AT", default="0 4 1 * *")
CELERY_BEAT_SCHEDULE = {
    "relay outbox": {"task": "jobs.relay", "schedule": 10.0},
    "take up lost jobs": {"task": "jobs.reap", "schedule": 15.0},
    "seal audit trail": {"task": "accounts.seal_audit", "schedule": 30.0},
    "tidy accounts": {"task": "accounts.tidy", "schedule": 86400.0},
    "delete what is past keeping": {"task": "exchange.retention", "schedule": 3600.0},
    "delete departments' lists past keeping": {"task": "departments.retention", "schedule": 3600.0},
    "write the monthly reports": {
        "task": "validation.monthly",
        "schedule": crontab.from_string(MONTHLY_REPORTS_AT),
    },
    "train the risk models": {"task": "households.monthly_risks", "schedule": crontab.from_string("0 5 1 * *")},
    # A turn that the worker cannot take at once is dropped: the next one finds what it would have found.
    "work out changed figures": {"task": "dashboard.figures", "schedule": 2.0, "options": {"expires": 2}},
    "run the data rules": {"task": "validation.nightly", "schedule": crontab.from_string(NIGHTLY_RULES_AT)},
}
JOB_LEASE_SECONDS = env.int("JOB_LEASE_SECONDS", default=60)
JOB_HEARTBEAT_SECONDS = env.int("JOB_HEARTBEAT_SECONDS", default=20)

# Accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["accounts.hashers.ModestArgon2Hasher", "django.contrib.auth.hashers.Argon2PasswordHasher"]
# Classified protection of information systems (GB/T 22239): three character classes and a change every 90 days.
MLPS = env.bool("MLPS", default=False)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.LocalWordsValidator"},
    {"NAME": "accounts.passwords.CharacterClassValidator"},
]
PASSWORD_MAX_AGE_DAYS = env.int("PASSWORD_MAX_AGE_DAYS", default=90 if MLPS else 0)
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "dashboard:home"
LOGOUT_REDIRECT_URL = "accounts:login"
IDLE_MINUTES = env.int("IDLE_MINUTES", default=30)
SESSION_ABSOLUTE_HOURS = env.int("SESSION_ABSOLUTE_HOURS", default=12)
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # Redis may be flushed
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_HOURS * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.5  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_HTTP_RESPONSE_CODE = 429
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_ACCESS_LOG_LEVEL = 30
AXES_ENABLE_ADMIN = False  # locks have a page of their own
AXES_IPWARE_PROXY_COUNT = env.int("PROXY_COUNT", default=0)
AXES_IPWARE_META_PRECEDENCE_ORDER = (
    ["HTTP_X_FORWARDED_FOR", "REMOTE_ADDR"] if AXES_IPWARE_PROXY_COUNT else ["REMOTE_ADDR"]
)

# What browsers are told
SECURE_SSL_REDIRECT = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SECURE_HSTS_SECONDS = 31536000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT
if SECURE_SSL_REDIRECT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "accounts.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
_tiles = env.list("MAP_TILE_ORIGINS", default=[])
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", *_tiles],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY = {"geolocation": "self", "camera": "self", "microphone": [], "payment": [], "usb": []}
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 60 * 2**20  # uploads stay in memory: a spooled plain file would outlive a crash
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# Language and time
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
USE_THOUSAND_SEPARATOR = False

# Files
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / ".run" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(BASE_DIR / ".run" / "media")))
FIELD_KEYS_FILE = env.str("FIELD_KEYS_FILE")
FIELD_CIPHER = env.str("FIELD_CIPHER", default="AES-256-GCM")
UPLOAD_LIMIT_BYTES = 50 * 2**20
UPLOAD_KEEP_DAYS = env.int("UPLOAD_KEEP_DAYS", default=180)

# History: statement-level triggers; the context is copied into every event row.
PGHISTORY_CONTEXT_FIELD = pghistory.ContextJSONField()
PGHISTORY_CONTEXT_ID_FIELD = pghistory.ContextUUIDField()
# History is found by its row or by its context: indexes on the other keys of an event would only cost every writer.
PGHISTORY_FOREIGN_KEY_FIELD = pghistory.ForeignKey(db_index=False)
PGHISTORY_OBJ_FIELD = pghistory.ObjForeignKey(related_name="events", db_index=True)
PGHISTORY_APPEND_ONLY = False  # the app role has no UPDATE or DELETE on event tables: a grant, not a trigger
PGHISTORY_LEVEL = pghistory.Statement
PGHISTORY_INSTALL_CONTEXT_FUNC_ON_MIGRATE = True

LEAFLET_CONFIG = {
    "TILES": [("base", env.str("MAP_TILE_URL", default=""), {"attribution": env.str("MAP_ATTRIBUTION", default="")})]
    if env.str("MAP_TILE_URL", default="")
    else [],
    "RESET_VIEW": False,
    "NO_GLOBALS": False,
}

# The API: it reads, for whom a policy lets in, and answers in one form.
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["poverty.apidoor.ByPolicy"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["poverty.apidoor.Door"],
    "DEFAULT_THROTTLE_CLASSES": ["poverty.apidoor.Throttle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "poverty.apidoor.OnlyJson",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "poverty.api.handle",
}
API_RATE = env.str("API_RATE", default="600/min")  # questions of one token; blank: as many as it likes
SPECTACULAR_SETTINGS = {
    "TITLE": _("Register of targeted poverty alleviation"),
    "DESCRIPTION": _(
        "What a person sees on the pages, as data: same area, same masks, same filters. It reads only."
        " Log in with a session, or with a personal token from the page “My account”."
    ),
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "RegionLevel": "regions.models.Level",
        "JobState": "jobs.models.State",
        "FindingState": "validation.models.FindingState",
        "Verdict": "validation.models.Verdict",
        "ClosedAs": "validation.models.ClosedAs",
    },
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
