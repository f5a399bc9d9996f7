"""Every setting of the studio, from the environment.

Each name that starts with STUDIO_ stands in README.md with its default. A wrong value stops the start with its name and what is wrong.
"""

import os
import socket
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE
from django.core.exceptions import ImproperlyConfigured

from studio import environment, file_modes
from studio.decoding.limits import Limits
from studio.environment import choice, flag, number, text, whole
from studio.keyring import field_keys, has_own_secrets, running_port, secret_key
from studio.rates import Limit, parse_rates
from studio.storage import internal_location, place_of
from studio.web.cookies import prefixed
from studio.web.headers import REPORT_GROUP, REPORT_PATH

BASE_DIR = Path(__file__).resolve().parent.parent
DAY = 86_400  # seconds
os.umask(file_modes.UMASK)  # whatever starts us, and before it makes its first file

# Where things are. LOCAL is one person's own machine over plain http: `make run` sets it. DEBUG is for people who change the code.
DEBUG = flag("DEBUG", default=False)
DATA_DIR = environment.made_folder("DATA_DIR", BASE_DIR / "var")
LOCAL = flag("LOCAL", default=DEBUG or has_own_secrets(DATA_DIR))  # a folder that `make run` made needs no settings for later commands
PORT = whole("PORT", os.environ.get("PORT") or running_port(DATA_DIR) or "8000", least=1, most=environment.MOST_PORT)
BIND = environment.listening("BIND", "127.0.0.1")  # the address of this machine that the web server listens on
WEB_WORKERS = whole("WEB_WORKERS", 2, least=1, most=64)
WEB_THREADS = whole("WEB_THREADS", 8, least=1, most=200)
PUBLIC_URL = environment.site("PUBLIC_URL")
SITE_URL = PUBLIC_URL or f"http://localhost:{PORT}"

SECRET_KEY = secret_key(DATA_DIR, local=LOCAL)
FIELD_KEYS = field_keys(DATA_DIR, local=LOCAL)
ALLOWED_HOSTS = environment.hosts("ALLOWED_HOSTS") or (["*"] if LOCAL else [])
if PUBLIC_URL:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, environment.host_of(PUBLIC_URL)]
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
    "studio.shared_state",
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
    "studio.web.headers.default_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "studio.control.compressing.CompressedPages",
    "studio.accounts.sign_out.clear_site_data",  # outside the session, whose end it sees
    "studio.accounts.session_store.Sessions",
    "studio.accounts.security_log.LogRefusals",
    "django.middleware.common.CommonMiddleware",
    "studio.web.fetch_metadata.FetchMetadata",
    "studio.control.body_limits.BodyLimits",  # before the CSRF check, which reads the form
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "studio.accounts.sessions.SignedIn",
    "studio.accounts.limit_requests.RequestLimits",
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
DATABASE_URL = text("DATABASE_URL")
named_database = environment.database("DATABASE_URL", DATA_DIR / "studio.sqlite3", password=text("DATABASE_PASSWORD"))
if "sqlite" not in named_database["ENGINE"]:
    DATABASES = {"default": {**named_database, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}
else:
    DATABASES = {
        "default": {
            **named_database,
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
BROKER_URL = environment.broker("BROKER_URL", password=text("BROKER_PASSWORD"))
CLUSTER_NAME = environment.token("CLUSTER_NAME", socket.gethostname() or "studio")
CACHES = {
    "default": {"BACKEND": "studio.shared_state.cache.SharedCache"},  # shared by all processes
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
Q_CLUSTER = {
    "name": CLUSTER_NAME,
    "workers": whole("WORKERS", 4, least=1, most=64),
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
    "studio.jobs.saving.forget_old": 3600,
    "studio.decoding.temporary.sweep": 3600,
    "studio.jobs.alarms.tell_of_missing": 60,
    "studio.jobs.alarms.tell_of_alerts": 300,
    "studio.gallery.retention.due": 3600,
    "studio.accounts.session_age.delete_expired": DAY,
    "studio.accounts.audit_chain.seal_new": 60,
    "studio.accounts.audit_chain.log_head": DAY,
    "studio.shared_state.counters.delete_expired": 600,
    "studio.shared_state.cache.delete_expired": 3600,
}
RECHECK_MB = whole("RECHECK_MB", 200, least=0, most=100_000)  # of stored files that are read again each minute; 0 reads none

# Pictures and films that others made are decoded in child processes, two at a time for each of ours (studio/decoding). One file may cost so much, in seconds
# of the processor, seconds by the clock, megabytes of memory and megabytes written; the memory of all that the web server decodes is shared.
DECODING_PICTURE = Limits(cpu=number("PICTURE_CPU_SECONDS", 20, least=1, most=600), clock=60.0, memory=600, output=200)
DECODING_FRAME = Limits(cpu=number("FRAME_CPU_SECONDS", 20, least=1, most=600), clock=60.0, memory=450, output=200)
DECODING_FILM = Limits(
    cpu=number("FILM_CPU_SECONDS", 60, least=1, most=600), clock=85.0, memory=1000, output=200
)  # 150 s of the queue's 240 are for its download
DECODING_TITLED = Limits(cpu=20.0, clock=60.0, memory=200, output=250)
DECODING_MEMORY_MB = whole("DECODING_MEMORY_MB", 450, least=100, most=100_000)
DECODING_WAITING = 2  # files of one process that wait for others; more are turned away, since each holds a thread of the web server
DECODING_PATIENCE = 8.0  # seconds that a file waits

# The way out: proxies and certificates as other programs have them from the environment (studio/providers/proxies.py, trust.py).
OWN_CERTIFICATES = environment.check_network()

# Files: private, served only through views that ask the project's door. What sends them is the bucket, the web server in front, or we.
files = place_of(text("STORAGE_URL"), default=DATA_DIR / "media")
MEDIA_ROOT = files.folder or DATA_DIR / "media"
ACCEL_REDIRECT = internal_location(text("ACCEL_REDIRECT"), files)
FILE_GROUP = environment.group("FILE_GROUP")  # whose members may read the stored files, for the web server in front
if ACCEL_REDIRECT and FILE_GROUP is None:
    raise ImproperlyConfigured(
        "STUDIO_ACCEL_REDIRECT needs STUDIO_FILE_GROUP, the group by which the web server in front may read the files, such as www-data."
    )
if FILE_GROUP is not None and files.folder is None:
    raise ImproperlyConfigured("STUDIO_FILE_GROUP is for files in a folder, but STUDIO_STORAGE_URL names a bucket. Leave one of them out.")
STATIC_URL = "static/"
STATIC_ROOT = environment.folder("STATIC_ROOT", DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "studio.jobs.folder.Folder" if files.folder else files.backend,
        "OPTIONS": files.options,
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
uploading = DATA_DIR / "temporary"
with suppress(OSError):  # a data folder that takes nothing is named by the command that writes there
    uploading.mkdir(exist_ok=True)
FILE_UPLOAD_TEMP_DIR = uploading if uploading.is_dir() else None  # Django's own check would stop each command first
FILE_UPLOAD_PERMISSIONS = file_modes.PRIVATE_FILE  # Django would open each stored file to everybody
FILE_UPLOAD_DIRECTORY_PERMISSIONS = file_modes.PRIVATE_FOLDER
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
# 0.25 s of a processor's core and 16 MB for each check; PBKDF2, Django's first choice, costs more than twice the time and is easier to try in bulk
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "studio.accounts.passwords.StrengthValidator"},
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
# Of what strangers and guests do, by client address, by account or link ("key") and by person. The library would count them in the cache.
ACCOUNT_RATE_LIMITS = False
RATE_LIMITS = {
    action: {per: parse_rates(text) for per, text in limits.items()}
    for action, limits in {
        "sign_in": {"address": "10/m, 30/h", "key": "100/h"},  # wrong passwords; right ones are given back
        "sign_in_known": {"key": "10/m, 20/h"},  # instead of these, of a browser in which the account's owner has signed in before
        "reset_password": {"address": "20/m, 100/h"},
        "reset_letter": {"key": "5/h"},  # to one account
        "reset_password_from_key": {"address": "20/m"},
        "change_password": {"person": "5/m, 20/h"},
        "unknown_link": {"address": "30/m, 200/h"},
        "share_password": {"address": "10/m, 30/h", "key": "100/h"},
        "share_decide": {"address": "60/m"},
        "share_comment": {"address": "30/m, 300/h"},
        "share_guest": {"address": "5/h"},  # new names
    }.items()
}
# Of people who are signed in: of one person each, and of a project
LIMITS = {
    "orders": Limit(environment.rates("LIMIT_ORDERS", "2000/h, 10000/d"), "You have ordered as many clips as one person may in this time."),
    "uploads": Limit(environment.rates("LIMIT_UPLOADS", "300/h"), "You have uploaded as many files as one person may in this time."),
    "upload_bytes": Limit(environment.rates("LIMIT_UPLOAD_BYTES", "5000000000/h"), "You have uploaded as much as one person may in this time."),
    "project_upload_bytes": Limit(
        environment.rates("LIMIT_PROJECT_UPLOAD_BYTES", "50000000000/d"), "As much was uploaded to this project as is possible in a day."
    ),
    "searches": Limit(environment.rates("LIMIT_SEARCHES", "240/m"), "You have searched as often as one person may in this time."),
    "frames": Limit(environment.rates("LIMIT_FRAMES", "300/h"), "You have taken as many frames of clips as one person may in this time."),
    "downloads": Limit(environment.rates("LIMIT_DOWNLOADS", "1000/h"), "You have downloaded as many files as one person may in this time."),
    "zip_bytes": Limit(
        environment.rates("LIMIT_ZIP_BYTES", "200000000000/d"), "You have asked for as many bytes in ZIP files as one person may in this time."
    ),
    "invitations": Limit(environment.rates("LIMIT_INVITATIONS", "30/h, 100/d"), "You have invited as many people as one person may in this time."),
    "granted_credits": Limit(environment.rates("LIMIT_GRANTED_CREDITS", "1000000/d"), "You have given as many credits as one manager may in a day."),
    "credit_requests": Limit(
        environment.rates("LIMIT_CREDIT_REQUESTS", "10/h, 30/d"), "You have asked for credits as often as one person may in this time."
    ),
}
INVITATION_LIFETIME = timedelta(days=7)
INVITERS = choice("INVITERS", "ADMINS", ("ADMINS", "OWNERS"))  # who lets new people in
INVITE_DOMAINS = environment.domains("INVITE_DOMAINS")  # those of whom owners may invite somebody; empty: any
SIGN_IN_LINK_LIFETIME = timedelta(minutes=30)
PASSWORD_RESET_TIMEOUT = 3600  # seconds that a link in an e-mail works
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "studio.accounts.passwords.ResetTokenGenerator"  # noqa: S105 - a name
SESSION_ENGINE = "studio.accounts.session_store"
SESSION_COOKIE_AGE = whole("SESSION_DAYS", 30, least=1, most=365) * DAY
SESSION_IDLE = timedelta(hours=whole("SESSION_IDLE_HOURS", 168, least=1, most=24 * 365))

EMAIL_URL = text("EMAIL_URL")
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
vars().update(environment.email("EMAIL_URL"))
if OWN_CERTIFICATES and EMAIL_BACKEND == "django.core.mail.backends.smtp.EmailBackend":
    EMAIL_BACKEND = "studio.accounts.mail.TrustingBackend"
EMAIL_TIMEOUT = 10  # seconds; a page waits for it
DEFAULT_FROM_EMAIL = environment.sender("EMAIL_FROM", f"studio@{urlsplit(SITE_URL).hostname}")

LANGUAGE_CODE = "en-gb"
TIME_ZONE = environment.time_zone("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = False

# The browser's protection. Not on one's own machine over plain http: a browser would then keep neither cookie nor page.
HTTPS = not LOCAL
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^sandbox/"]
BEHIND_PROXY = flag("BEHIND_PROXY", default=True) and HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
PROXIES = whole("PROXIES", 1 if BEHIND_PROXY else 0, least=0, most=10)  # in front of us: whose X-Forwarded-For names the client, from the right
if PROXIES and not flag("BEHIND_PROXY", default=True):
    raise ImproperlyConfigured("STUDIO_PROXIES counts the proxies in front, but STUDIO_BEHIND_PROXY says that there is none. Leave one of them out.")
PROXIES = PROXIES if BEHIND_PROXY else 0
ALLAUTH_TRUSTED_PROXY_COUNT = PROXIES  # nothing of the library asks for it any more; see accounts/client_address.py
# For this host alone unless told otherwise: other hosts of the domain are not ours to make https-only.
SECURE_HSTS_SECONDS = whole("HSTS_SECONDS", DAY * 365, least=0, most=DAY * 365 * 2) * HTTPS
SECURE_HSTS_INCLUDE_SUBDOMAINS = flag("HSTS_SUBDOMAINS", default=False) and HTTPS
SECURE_HSTS_PRELOAD = flag("HSTS_PRELOAD", default=False) and HTTPS
if SECURE_HSTS_PRELOAD and not (SECURE_HSTS_INCLUDE_SUBDOMAINS and SECURE_HSTS_SECONDS >= DAY * 365):
    raise ImproperlyConfigured("STUDIO_HSTS_PRELOAD needs STUDIO_HSTS_SUBDOMAINS=1 and STUDIO_HSTS_SECONDS of a year or more: browsers ask for both.")
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # that ask for both: an operator who owns the whole domain says so
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_NAME = prefixed("sessionid", https=HTTPS)
CSRF_COOKIE_NAME = prefixed("csrftoken", https=HTTPS)
MESSAGE_STORAGE = "studio.web.cookies.MessageStorage"
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
        "img-src": ["'self'", "data:", "blob:", *([files.origin] if files.origin else [])],
        "media-src": ["'self'", "blob:", *([files.origin] if files.origin else [])],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
        "report-uri": [REPORT_PATH],
        **({"report-to": [REPORT_GROUP]} if HTTPS else {}),  # a browser that knows it ignores the line above, but sends nothing over plain http
    }
}

# The product's own.
SANDBOX = flag("SANDBOX", default=LOCAL)
SANDBOX_URL = environment.site("SANDBOX_URL", f"http://127.0.0.1:{PORT}")
SANDBOX_SPEED = number("SANDBOX_SPEED", 1.0, least=0.01, most=1000)
SANDBOX_FAULTS = text("SANDBOX_FAULTS")
ALLOW_PRIVATE_HOSTS = environment.private_hosts("ALLOW_PRIVATE_HOSTS")
ADMIN_EMAIL = environment.mailbox("ADMIN_EMAIL", "admin@studio.local")  # of the first admin, made at the first start
TEAM_NAME = environment.line("TEAM_NAME", "Studio", longest=60)
CREDIT_USD = number("CREDIT_USD", 0.01, least=0.000001, most=1000)  # what one credit is worth, in US dollars

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"class": "studio.web.log_redaction.RedactingFormatter", "format": "{asctime} {levelname} {name} {message}", "style": "{"}
    },
    "filters": {"repeated": {"()": "studio.control.log_limits.Repeated"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["repeated"]}},
    "root": {"handlers": ["console"], "level": choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))},
    # httpx writes every URL at INFO, and one provider wants its key in the query; botocore writes what it signs
    "loggers": {
        **{name: {"level": "WARNING"} for name in ("httpx", "httpcore", "django-q", "boto3", "botocore", "s3transfer", "urllib3")},
        **{name: {"level": "INFO"} for name in ("studio.security", "studio.audit")},  # whatever the level of the rest
    },
}
