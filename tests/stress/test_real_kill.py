"""Real processes, really killed."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.installation import Installation, installed
from tests.time_limits import eventually

ORDER = """
from uuid import uuid4
from studio.accounts.models import User
from studio.jobs.actions import Order, order
from studio.projects.models import Project
from studio.providers.contract import Brief
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection
for connection in Connection.objects.all():
    can = next(one for one in PROVIDERS[connection.provider].capabilities if one.images[0] == 0)
    for take in range(2):
        brief = Brief(prompt=f"Take {take}", aspect_ratio=(can.aspect_ratios or ("",))[0], duration=can.durations and can.durations[0],
                      resolution=(can.resolutions or ("",))[0], model=can.model, mode=(can.modes or ("",))[0])
        order(author=User.objects.get(role="admin"), project=Project.objects.get(), what=Order(connection=connection, brief=brief), order_key=uuid4())
"""
STATES = "import json; from studio.jobs.models import Job; print(json.dumps(list(Job.objects.values_list('state', flat=True))))"
TWICE = """
from django.db.models import Count
from studio.sandbox.models import RemoteJob
from studio.jobs.models import Attempt
print(RemoteJob.objects.count() - Attempt.objects.exclude(sent_at=None).count())
"""
ENDED = {"done", "in_doubt"}


def states(studio: Installation) -> list[str]:
    found: list[str] = json.loads(studio.ask(STATES))
    return found


def test_a_cluster_killed_in_the_middle_is_replaced_and_every_job_ends_or_is_in_doubt(tmp_path: Path):
    with installed(tmp_path, STUDIO_SANDBOX_SPEED="2") as studio:
        studio.ask(ORDER)
        eventually(lambda: {"rendering", "saving", "done"} & set(states(studio)), within=30)
        killed = studio.cluster_pids()
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: studio.cluster_pids() and not set(killed) & set(studio.cluster_pids()), within=60)
        studio.ask("from tests.stress.clock import pass_time; pass_time(100)")  # the leases of dead senders end
        eventually(lambda: set(states(studio)) <= ENDED, within=200, every=0.5)
        assert len(killed) >= 4
        assert not set(killed) & set(studio.cluster_pids())
        assert int(studio.ask(TWICE)) <= 0, "the sandbox was asked more often than attempts were sent"
        assert "Clean" in studio.manage("credits", "verify")
        remaining = studio.cluster_pids()
        assert studio.stop() == 0
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in remaining), within=10)
