"""The studio's settings, as the tests want them: known secrets, a folder of their own, a database file that several processes can open."""

import os
import tempfile
from pathlib import Path

# What the machine that runs the tests has set for its own programs: no test goes through its proxy, and none believes its certificates.
for name in [name for name in os.environ if name.upper().endswith(("_PROXY", "CA_BUNDLE")) or name.startswith("SSL_CERT_")]:
    del os.environ[name]
FOLDER = Path(tempfile.gettempdir()) / f"studio-tests-{os.getuid()}"
os.environ.setdefault("STUDIO_LOCAL", "1")
os.environ.setdefault("STUDIO_DATA_DIR", str(FOLDER))
os.environ.setdefault("STUDIO_CLUSTER_NAME", f"tests-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")  # at one Redis each counts its own queue
os.environ.setdefault("STUDIO_SECRET_KEY", "tests-only-" + "0123456789abcdef" * 4)
os.environ.setdefault("STUDIO_FIELD_KEYS", "dGVzdHMtb25seS1maWVsZC1rZXktMDEyMzQ1Njc4OTA=")

from studio.settings import *  # noqa: E402, F403 - the environment above must come first
from studio.settings import DATABASES, STATIC_ROOT  # noqa: E402

STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a folder that is not there
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / f"test-{os.getpid()}.sqlite3")}
    options = DATABASES["default"]["OPTIONS"]
    options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")  # no test cuts the power
