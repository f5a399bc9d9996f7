"""The scripted provider and what goes with it, as the tests of jobs have them."""

from tests.jobs.conftest import connection, film, funded, played

__all__ = ["connection", "film", "funded", "played"]
