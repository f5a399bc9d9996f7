"""Whether this run is the long one (`make test-long`, which sets STUDIO_TEST_LONG=1) or the sample that `make test` and CI take.

The sample covers each kind of proof; the long run covers every case of it.
"""

import os

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

LONG = bool(os.environ.get("STUDIO_TEST_LONG"))
SEQUENCES = 150 if LONG else 8  # that a state machine with a database tries


def load_hypothesis_profile() -> None:
    """One number of examples for every property test of a run."""
    hypothesis_settings.register_profile(
        "studio",
        max_examples=300 if LONG else 25,
        deadline=None,  # the machine may be busy
        derandomize=False,  # where CI is set, Hypothesis would try the same examples for ever
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
    hypothesis_settings.load_profile("studio")
