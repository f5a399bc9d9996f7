"""Whether what runs in this container is well: `python -m studio.control.healthcheck` ends with 0 or 1.

One question fits both kinds of container: its own web server answers, or its own worker beats. Asked every half minute, so Django is only loaded
where there is no web server.
"""

import http.client
import os
import sys

import django

from studio import environment

PATIENCE = 5  # seconds
EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def web_answers(host: str, port: int) -> bool:
    """Whether a web server of ours says that it is alive."""
    link = http.client.HTTPConnection("127.0.0.1" if host in EVERYWHERE else host, port, timeout=PATIENCE)
    try:
        link.request("GET", "/healthz", headers={"Host": "localhost"})
        return link.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def worker_beats() -> bool:
    """Whether this machine's own worker was heard of lately."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    django.setup()
    from studio.control.health import own_worker

    return own_worker()


def main() -> int:
    """0 when something of ours is alive here, 1 otherwise."""
    host = environment.listening("BIND", "127.0.0.1")
    port = environment.whole("PORT", os.environ.get("PORT") or "8000", least=1, most=environment.MOST_PORT)
    return 0 if web_answers(host, port) or worker_beats() else 1


if __name__ == "__main__":
    sys.exit(main())
