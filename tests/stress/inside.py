"""A process inside the installation that does what the test outside asks: one line of JSON in, one out.

manage.py shell -v 0 -c "from tests.stress.inside import serve; serve()"
"""

import json
import sys
from collections.abc import Callable

from tests.stress import clock, crowd, reckoning

CALLS: dict[str, Callable[..., object]] = {
    "warm_up": crowd.warm_up,
    "storm": crowd.storm,
    "calm": crowd.calm,
    "resolve": crowd.resolve,
    "ages": clock.ages,
    "waiting": clock.waiting,
    "pass_time": clock.pass_time,
    "reckon": reckoning.reckon,
}


def serve() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        name, given = json.loads(line)
        print(json.dumps(CALLS[name](**given)), flush=True)  # noqa: T201 - that is the answer
