"""Whether this run is the long one (`make test-long`, which sets STUDIO_TEST_LONG=1) or the sample that `make test` and CI take.

The sample covers each kind of proof; the long run covers every case of it.
"""

import os

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

LONG = bool(os.environ.get("STUDIO_TEST_LONG"))
# Nothing is said about speed by a property test: the machine may be busy. Fixtures of a function may be shared by examples that clean up after themselves.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]}


def load_hypothesis_profile() -> None:
    """One number of examples for every property test and state machine of a run."""
    hypothesis_settings.register_profile("sample", max_examples=25, **_COMMON)
    hypothesis_settings.register_profile("long", max_examples=300, **_COMMON)
    hypothesis_settings.load_profile("long" if LONG else "sample")
