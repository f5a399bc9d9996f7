"""Every setting of the studio, from the environment.

Each name that starts with STUDIO_ stands in README.md with its default. A wrong value stops the start with its name and what is wrong.
"""

import os
import socket
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE
from django.core.exceptions import ImproperlyConfigured

from studio.keyring import field_keys, has_own_secrets, running_port, secret_key
from studio.storage import internal_location, place_of

BASE_DIR = Path(__file__).resolve().parent.parent


def text(name: str, default: str = "") -> str:
    """The setting as written, without surrounding space."""
    return os.environ.get(f"STUDIO_{name}", default).strip()


def flag(name: str, *, default: bool) -> bool:
    """A switch: 1, true, yes, on or 0, false, no, off."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"STUDIO_{name} is {value!r}; it takes 1 or 0.")


def number(name: str, default: float | str, *, least: float, most: float) -> float:
    """A number within its range."""
    written = text(name, str(default))
    try:
        value = float(written)
    except ValueError as error:
        raise ImproperlyConfigured(f"STUDIO_{name} is {written!r}; it takes a number.") from error
    if not least <= value <= most:
        raise ImproperlyConfigured(f"STUDIO_{name} is {value:g}; it takes {least:g} to {most:g}.")
    return value


def url(name: str, default: str = "", *, schemes: tuple[str, ...]) -> str:
    """An address with one of the schemes, or an empty string."""
    value = text(name, default).rstrip("/")
    if value and (urlsplit(value).scheme not in schemes):
        raise ImproperlyConfigured(f"STUDIO_{name} must start with one of {', '.join(f'{scheme}:' for scheme in schemes)}.")
    return value


# Where things are. LOCAL is one person's own machine over plain http: `make run` sets it. DEBUG is for people who change the code.
DEBUG = flag("DEBUG", default=False)
DATA_DIR = Path(text("DATA_DIR", str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
LOCAL = flag("LOCAL", default=DEBUG or has_own_secrets(DATA_DIR))  # a folder that `make run` made needs no settings for later commands
PORT = int(number("PORT", os.environ.get("PORT") or running_port(DATA_DIR) or "8000", least=1, most=65535))
BIND = text("BIND", "127.0.0.1")  # the address of this machine that the web server listens on
PUBLIC_URL = url("PUBLIC_URL", schemes=("http", "https"))
SITE_URL = PUBLIC_URL or f"http://localhost:{PORT}"

SECRET_KEY = secret_key(DATA_DIR, local=LOCAL)
FIELD_KEYS = field_keys(DATA_DIR, local=LOCAL)
ALLOWED_HOSTS = [host for host in text("ALLOWED_HOSTS").split(",") if host] or (["*"] if LOCAL else [])
if PUBLIC_URL:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, str(urlsplit(PUBLIC_URL).hostname)]
    CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
if not LOCAL:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, "127.0.0.1", "localhost"]  # the health checks of a container come from inside it

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "django_q",
    "studio.text_search",  # before those whose tables it indexes
    "studio.accounts",
    "studio.projects",
    "studio.prompts",
    "studio.routing",
    "studio.credits",
    "studio.jobs",
    "studio.gallery",
    "studio.control",
    "studio.sandbox",
]

MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",  # outermost, so that a refusal of any other carries the policy too
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "studio.control.compressing.CompressedPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "studio.accounts.sessions.SignedIn",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "studio.accounts.clock.own_clock",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "studio.urls"
WSGI_APPLICATION = "studio.wsgi.application"
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
                "csp.context_processors.nonce",
                "studio.control.shell.shell",
            ],
            "builtins": ["django.templatetags.static", "studio.control.templatetags.ui"],
        },
    }
]

# The database: SQLite in the data folder unless STUDIO_DATABASE_URL names a PostgreSQL.
DATABASE_ROUTERS = ["studio.gallery.hanging.NoRows"]
DATABASE_URL = url("DATABASE_URL", schemes=("sqlite", "postgres", "postgresql"))
if DATABASE_URL and not DATABASE_URL.startswith("sqlite"):
    DATABASES = {"default": {**environ.Env.db_url_config(DATABASE_URL), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATABASE_URL.removeprefix("sqlite:///") or str(DATA_DIR / "studio.sqlite3"),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                # IMMEDIATE: a transaction that reads first would otherwise fail at once under two writers.
                # FULL: a paid submission's intent must be on the disk before the request leaves.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-20000;",
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The queue says "look now"; the database is the truth. Every machine has a queue of its own, so that no supervisor restarts another's cluster.
BROKER_URL = url("BROKER_URL", schemes=("redis", "rediss"))
CLUSTER_NAME = text("CLUSTER_NAME", socket.gethostname() or "studio")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "studio_cache"},  # shared by processes: sign-in throttling
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
Q_CLUSTER = {
    "name": CLUSTER_NAME,
    "workers": int(number("WORKERS", 4, least=1, most=64)),
    "timeout": 240,
    "retry": 600,  # > timeout x (ceil((queue_limit + bulk + 1) / workers) + 1) + 5, or slow tasks run twice
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.05,  # seconds between questions to the ORM broker: half of it is what a callback waits
    "save_limit": -1,  # keeping results makes a cluster six times slower
    "ack_failures": True,
    "max_attempts": 1,
    "recycle": 500,
    "max_rss": 600_000,
    "guard_cycle": 0.5,
    "catch_up": False,
    "scheduler": False,  # `manage.py work` ticks; the scheduler wakes only every 30 s
    "cache": "local",
    "log_level": "WARNING",
    "ALT_CLUSTERS": {},
    **({"redis": BROKER_URL} if BROKER_URL else {"orm": "default"}),
}
# What stands above the worker in the layers and has work for it: whether there is some, asked every second, and the task that does it.
CHORES = {"studio.gallery.bundle_making.is_due": "studio.gallery.bundle_making.go_on"}

# What every machine's worker asks for, and after how many seconds again. Each may run twice, late or never: the rows say what there is to do.
ROUNDS = {
    "studio.credits.allowances.due": 60,
    "studio.jobs.trash.erase_due": 60,
    "studio.jobs.recheck.a_round": 60,
    "studio.jobs.alarms.tell_of_missing": 60,
    "studio.jobs.alarms.tell_of_alerts": 300,
    "studio.gallery.retention.due": 3600,
}
RECHECK_MB = int(number("RECHECK_MB", 200, least=0, most=100_000))  # of stored files that are read again each minute; 0 reads none

# Files: private, served only through views that ask the project's door. What sends them is the bucket, the web server in front, or we.
files = place_of(text("STORAGE_URL"), default=DATA_DIR / "media")
MEDIA_ROOT = files.folder or DATA_DIR / "media"
ACCEL_REDIRECT = internal_location(text("ACCEL_REDIRECT"), files)
STATIC_URL = "static/"
STATIC_ROOT = Path(text("STATIC_ROOT", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": files.backend, "OPTIONS": files.options},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FILES = 25  # a few more than an order carries, so that those are told so in a sentence
FILE_UPLOAD_HANDLERS = [
    "studio.jobs.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# People: an e-mail address is the name; nobody signs up without an invitation.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "studio.accounts.adapter.InvitedOnly"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation reached the person by some other way already
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_FORMS = {
    "login": "studio.accounts.forms.SignIn",
    "reset_password": "studio.accounts.forms.AskReset",
    "reset_password_from_key": "studio.accounts.forms.ResetPassword",
    "change_password": "studio.accounts.forms.ChangePassword",
    "set_password": "studio.accounts.forms.SetPassword",
}
# Throttled, never locked: one address alone cannot use up the tries of somebody's account, and a new password by e-mail clears them.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,30/h/ip,100/h/key",
    "reset_password": "20/m/ip,5/h/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "access_link": "30/m/ip",  # ours: /in/<token>/
    "share_password": "10/m/ip,30/h/ip,100/h/key",  # ours: tries at the password of a link, by its id
    "share_decide": "60/m/ip",  # ours: presses of guests
    "share_comment": "30/m/ip,300/h/ip",  # ours: words of guests
}
INVITATION_LIFETIME = timedelta(days=7)
SESSION_COOKIE_AGE = int(timedelta(days=30).total_seconds())

EMAIL_URL = text("EMAIL_URL")
if EMAIL_URL:
    vars().update(environ.Env.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
EMAIL_TIMEOUT = 10  # seconds; a page waits for it
DEFAULT_FROM_EMAIL = text("EMAIL_FROM", f"studio@{urlsplit(SITE_URL).hostname}")

LANGUAGE_CODE = "en-gb"
TIME_ZONE = text("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = False

# The browser's protection. Not on one's own machine over plain http: a browser would then keep neither cookie nor page.
HTTPS = not LOCAL
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^sandbox/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("BEHIND_PROXY", default=True) and HTTPS else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if SECURE_PROXY_SSL_HEADER else 0  # whose X-Forwarded-For names the client, counted from the right
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "studio.accounts.sessions.refused_token"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'", NONCE],
        "style-src": ["'self'"],
        "style-src-attr": ["'unsafe-inline'"],  # only for custom properties such as style="--p:.64"
        "img-src": ["'self'", "data:", "blob:", *([files.origin] if files.origin else [])],
        "media-src": ["'self'", "blob:", *([files.origin] if files.origin else [])],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

# The product's own.
SANDBOX = flag("SANDBOX", default=LOCAL)
SANDBOX_URL = url("SANDBOX_URL", f"http://127.0.0.1:{PORT}", schemes=("http", "https"))
SANDBOX_SPEED = number("SANDBOX_SPEED", 1.0, least=0.01, most=1000)
SANDBOX_FAULTS = text("SANDBOX_FAULTS")
ALLOW_PRIVATE_HOSTS = frozenset(host.strip() for host in text("ALLOW_PRIVATE_HOSTS").split(",") if host.strip())
ADMIN_EMAIL = text("ADMIN_EMAIL", "admin@studio.local")  # of the first admin, made at the first start
TEAM_NAME = text("TEAM_NAME", "Studio")
CREDIT_USD = number("CREDIT_USD", 0.01, least=0.000001, most=1000)  # what one credit is worth, in US dollars

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"class": "studio.control.discretion.Discreet", "format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": text("LOG_LEVEL", "INFO").upper()},
    # httpx writes every URL at INFO, and one provider wants its key in the query; botocore writes what it signs
    "loggers": {name: {"level": "WARNING"} for name in ("httpx", "httpcore", "django-q", "boto3", "botocore", "s3transfer", "urllib3")},
}
