"""Every setting of the product. Environment variables are read here, once, and nowhere else."""

import contextlib
import importlib.util
import os
import sys
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from designlab.common import env, logs

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("DESIGNLAB_VAR", str(BASE_DIR / "var"))).resolve()

# -- where and how --------------------------------------------------------------------------------
# Local mode is one machine with nothing to configure: `make up`. Production switches it off.
LOCAL = env.boolean("DESIGNLAB_LOCAL", default=True)
DEBUG = env.boolean("DESIGNLAB_DEBUG", default=False)
# The machine itself is always answered: health checks come from there.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", *env.words("DESIGNLAB_HOSTS")]
CSRF_TRUSTED_ORIGINS = list(env.words("DESIGNLAB_ORIGINS"))


def _secret_key() -> str:
    """From the environment; in local mode made once and kept under var/, readable by its owner alone."""
    given = env.text("DESIGNLAB_SECRET_KEY")
    if given:
        return given
    if not LOCAL:
        raise ImproperlyConfigured("DESIGNLAB_SECRET_KEY must be set when DESIGNLAB_LOCAL is false.")
    from django.core.management.utils import get_random_secret_key

    kept = VAR / "secret-key"
    if not kept.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(get_random_secret_key())
        with contextlib.suppress(
            FileExistsError
        ):  # the first of several starting processes wins: a link never overwrites
            os.link(fresh, kept)
        fresh.unlink()
    return kept.read_text()


SECRET_KEY = _secret_key()

# -- parts ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "django_htmx",
    "designlab.common",
    "designlab.accounts",
    "designlab.datasets",
    "designlab.campaigns",
    "designlab.candidates",
    "designlab.rounds",
    "designlab.results",
    "designlab.choosing",
    "designlab.reports",
    "designlab.api",
    "designlab.operations",
]
MIDDLEWARE = [
    "designlab.common.middleware.observed",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "designlab.common.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "designlab.common.middleware.current_team",
]
ROOT_URLCONF = "designlab.urls"
WSGI_APPLICATION = "designlab.wsgi.application"
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
                "designlab.common.context.frame",
            ],
            "builtins": ["designlab.common.templatetags.figures", "designlab.common.templatetags.words"],
        },
    }
]

# -- state of record --------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.config(
        default=f"sqlite:///{VAR / 'designlab.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,  # after a restart of the database no page meets a connection that died with it
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A write transaction takes its lock at once and waits for it, instead of failing half way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)  # a lost database is told of soon
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MEDIA_ROOT = VAR / "media"
INDEX_ROOT = VAR / "index"  # of this machine; whatever lies in it is made again when it is missing
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000  # a reward of 200 objectives, each a row of the set-up page
UPLOAD_MAX_BYTES = env.integer("DESIGNLAB_UPLOAD_MAX_MB", 200, low=1) * 1024 * 1024

# -- Redis and Celery -------------------------------------------------------------------------------


def _socket() -> Path:
    """A unix socket's path may have at most about 100 bytes; a deep checkout gets a short one elsewhere."""
    wanted = VAR / "redis" / "redis.sock"
    if len(str(wanted).encode()) < 100:
        return wanted
    import hashlib
    import tempfile

    return Path(tempfile.gettempdir()) / f"designlab-{hashlib.sha256(str(VAR).encode()).hexdigest()[:12]}.sock"


REDIS_SOCKET = _socket()
REDIS_URL = env.text("REDIS_URL", f"unix://{REDIS_SOCKET}")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# One command, one process: `manage.py design` needs no Redis, keeps its cache in memory and sends no messages.
HEADLESS = env.boolean("DESIGNLAB_HEADLESS", default=False)
if HEADLESS:
    REDIS_URL = "memory://localhost"
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "cpu"
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}
# A message whose worker vanished comes back after this long; slices are far shorter, and the reaper is quicker.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 3}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celery-beat")

# -- runs ---------------------------------------------------------------------------------------------
SLICE_S = env.number("DESIGNLAB_SLICE_S", 60)
FIRST_SLICE_S = env.number("DESIGNLAB_FIRST_SLICE_S", 10)  # the first results should not wait a whole slice
HEARTBEAT_S = env.number("DESIGNLAB_HEARTBEAT_S", 5)
LEASE_S = env.number("DESIGNLAB_LEASE_S", 45)
REAPER_S = env.number("DESIGNLAB_REAPER_S", 10)
LOST_MESSAGE_S = env.number("DESIGNLAB_LOST_MESSAGE_S", 30)
PRUNE_CHECKPOINTS = env.boolean("DESIGNLAB_PRUNE_CHECKPOINTS", default=True)
THREADS = env.integer("DESIGNLAB_THREADS", 1, low=1)
WORKER_PROCESSES = env.integer("DESIGNLAB_WORKERS", max(1, min(4, os.cpu_count() or 1)), low=1)
SCORER_HOSTS = env.words("DESIGNLAB_SCORER_HOSTS")  # "host" or "host:port" of remote scorers that rewards may ask
SCORER_PRIVATE = env.boolean("DESIGNLAB_SCORER_PRIVATE", default=False)  # whether they may lie in a private network
CELERY_BEAT_SCHEDULE = {"reap": {"task": "designlab.campaigns.tasks.reap", "schedule": REAPER_S}}

# -- people ---------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "designlab.accounts.adapter.ClosedDoorAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
EMAIL_BACKEND = env.text("DESIGNLAB_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")

# -- security ---------------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not LOCAL
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("DESIGNLAB_BEHIND_PROXY", False) else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# -- pages ------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"


def _package_folder(package: str, inside: str) -> Path:
    """Where an installed package keeps files that our pages serve; nothing comes from another host."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImproperlyConfigured(f"The package {package} is not installed; run `make install`.")
    return Path(spec.submodule_search_locations[0]) / inside


STATICFILES_DIRS = [BASE_DIR / "static", ("plotly", _package_folder("plotly", "package_data"))]
# Fetched by requirements/structure_editor.py; where it is missing, structures are typed.
_EDITOR = Path(sys.prefix) / "share" / "designlab" / "openchemlib"
STRUCTURE_EDITOR = (_EDITOR / "openchemlib.js").exists()
if STRUCTURE_EDITOR:
    STATICFILES_DIRS.append(("openchemlib", _EDITOR))
WHITENOISE_USE_FINDERS = LOCAL
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# -- watching over it -------------------------------------------------------------------------------------
METRICS_TOKEN = env.secret("DESIGNLAB_METRICS_TOKEN")  # without one, /metrics does not exist
LOG_FORMAT = env.choice("DESIGNLAB_LOG_FORMAT", "text", logs.FORMATS)
_OURS = {"handlers": [], "level": "NOTSET", "propagate": True}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "designlab.common.logs.Context"}},
    "formatters": {"text": {"()": "designlab.common.logs.TextLine"}, "json": {"()": "designlab.common.logs.JsonLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["context"]}},
    "root": {"handlers": ["console"], "level": env.text("DESIGNLAB_LOG_LEVEL", "INFO")},
    # Django and gunicorn bring handlers of their own, which would write addresses and messages of errors.
    "loggers": {"django": _OURS, "django.server": _OURS, "gunicorn.error": _OURS}
    # Kombu warns that a broker in memory has no host; it needs none.
    | ({"kombu.connection": {"level": "ERROR"}} if HEADLESS else {}),
}
