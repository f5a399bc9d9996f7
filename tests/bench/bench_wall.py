"""The wall with a million clips (PostgreSQL) or a hundred thousand (SQLite) against one with a thousand: as many queries, and about the same time.

STUDIO_BENCH_CLIPS takes another number.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

from django.db import connection as database
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import triggers
from studio.gallery.hanging import Hanging
from studio.gallery.models import ProjectDecision
from studio.jobs.models import Attempt, Clip, Job
from studio.projects.models import Project
from studio.routing.models import Connection
from tests.bench.conftest import fill, project_of, timed
from tests.conftest import signed_in

FEW = 1_000
SPAN = 10**8  # ids of one project


def many() -> int:
    return int(os.environ.get("STUDIO_BENCH_CLIPS") or (1_000_000 if database.vendor == "postgresql" else 100_000))


def copies(pattern: models.Model, number: int, changed: Mapping[str, str]) -> None:
    """So many rows like this one; `changed` are columns as SQL over `n`, which goes from 1."""
    table, key = pattern._meta.db_table, pattern._meta.pk
    assert key
    columns = [str(field.column) for field in pattern._meta.local_concrete_fields]
    told = ", ".join(changed.get(column, f't."{column}"') for column in columns)
    series = (
        f"generate_series(1, {number}) AS s(n)"
        if database.vendor == "postgresql"
        else f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {number}) SELECT n FROM c) AS s"  # noqa: S608 - a number
    )
    names = ", ".join(f'"{column}"' for column in columns)
    with database.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {table} ({names}) SELECT {told} FROM {table} t, {series} WHERE t."{key.column}" = %s',  # noqa: S608 - our own names
            [key.get_db_prep_value(pattern.pk, database)],
        )


def uuid(kind: str, project: Project) -> str:
    """The key of the n-th row of a kind, as SQL."""
    number = f"{project.pk * SPAN} + n"
    return f"('{kind}' || lpad(to_hex({number}), 31, '0'))::uuid" if database.vendor == "postgresql" else f"'{kind}' || printf('%%031x', {number})"


def wall_of(project: Project, people: list[User], connections: list[Connection], number: int) -> None:
    """That many saved clips of five people, two connections, three models: every one says "tide" and the same in Chinese, sixty "heron"; a third is decided."""
    fill(project, people[0], connections[0], 1)
    job, attempt = Job.objects.get(project=project), Attempt.objects.get(job__project=project)
    clip = Clip.objects.get(project=project)
    by = " ".join(f"WHEN {turn} THEN {person.pk}" for turn, person in enumerate(people))
    text = f"'Slow tide over the sand, 一只橘猫在雨中奔跑, take ' || n || ' word' || (n %% 1000) || CASE WHEN n %% {number // 60} = 7 THEN ' heron' ELSE '' END"
    keys = {"job": uuid("a", project), "attempt": uuid("b", project), "clip": uuid("c", project)}
    back = f"({number} - n) * 20"
    saved = (
        f"now() - make_interval(secs => {back})"
        if database.vendor == "postgresql"
        else f"strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now', '-' || ({back}) || ' seconds')"
    )
    uses = connections[0].pk, connections[1].pk
    copies(job, number, {"id": keys["job"], "number": "n + 1", "order_key": keys["job"], "author_id": f"CASE n %% {len(people)} {by} END", "prompt": text,
                         "model": "'model-' || (n %% 3)", "charged": "(n %% 50) * 1000"})  # fmt: skip
    copies(
        attempt,
        number,
        {
            "id": keys["attempt"],
            "job_id": keys["job"],
            "remote_id": f"'{project.pk}-' || n",
            "connection_id": f"CASE n %% 2 WHEN 0 THEN {uses[0]} ELSE {uses[1]} END",
        },
    )
    copies(clip, number, {"id": keys["clip"], "job_id": keys["job"], "attempt_id": keys["attempt"], "saved_at": saved,
                          "width": "CASE n %% 4 WHEN 0 THEN 720 ELSE 1280 END", "height": "CASE n %% 4 WHEN 0 THEN 1280 ELSE 720 END"})  # fmt: skip
    decision = ProjectDecision.objects.create(
        clip=clip, project=project, verdict="pick", person=people[0], decided_at=timezone.now() - timedelta(days=9999)
    )
    copies(
        decision,
        number // 3,
        {"clip_id": keys["clip"].replace("+ n", "+ n * 3"), "verdict": "CASE n %% 3 WHEN 0 THEN 'pick' WHEN 1 THEN 'maybe' ELSE 'reject' END"},
    )
    Project.objects.filter(pk=project.pk).update(last_number=number + 1)


ASKED = {
    "first page": "",
    "picked": "?show=picked",
    "undecided": "?show=undecided",
    "one person": "?by={person}",
    "person and ratio": "?by={person}&ratio=9:16&show=all",
    "a word that all have": "?q=tide",
    "two words that all have": "?q=slow+tide",
    "the beginning of one": "?q=ti",
    "a part of a run that all have": "?q=雨中奔跑",
    "two signs of one": "?q=橘猫",
    "a run that none has": "?q=猫在家",
    "a word that few have": "?q=heron",
    "a word that none has": "?q=zebra",
    "a shot": "?q={code}-77",
    "picked last": "?sort=picked",
    "dearest": "?sort=cost",
    "dearest of a person": "?sort=cost&by={person}",
    "dearest of a provider": "?sort=cost&provider=ttapi",
    "dearest of the picked": "?sort=cost&show=picked",
}


def older(browser: Client, address: str) -> str:
    """The address of the second page."""
    page = browser.get(address).context["page"]
    return f"{address}?before={page.older}"


def test_a_wall_of_very_many_against_one_of_a_thousand(
    alice: User, bob: User, carol: User, dave: User, ada: User, xai: Connection, say: Callable[[str], None]
):
    other = Connection.objects.create(provider="ttapi", label="TTAPI", sandbox=False)
    people, number = [alice, bob, carol, dave, ada], many()
    small, large = project_of("SMALL", bob), project_of("LARGE", alice)
    start = time.perf_counter()
    triggers.take_down("default")
    for project, clips in ((small, FEW), (large, number)):
        wall_of(project, people, [xai, other], clips)
    made = time.perf_counter()
    triggers.put_up("default")
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    say(f"\n{number:,} clips made in {made - start:.0f} s, hung up and counted in {time.perf_counter() - made:.0f} s")
    walls = [(signed_in(bob), reverse("gallery", args=["SMALL"])), (signed_in(alice), reverse("gallery", args=["LARGE"]))]
    walls += [(signed_in(bob), reverse("gallery_all")), (signed_in(ada), reverse("gallery_all"))]
    for name, query in ASKED.items():
        compare(
            name,
            [(browser, address + query.format(person=carol.pk, code="SMALL" if browser is walls[0][0] else "LARGE")) for browser, address in walls],
            say,
        )
    compare("second page", [(browser, older(browser, address)) for browser, address in walls], say)
    rooms = [(walls[0][0], room(small)), (walls[1][0], room(large)), (walls[2][0], room(small)), (walls[3][0], room(large))]
    for name, query in (("room in the middle", ""), ("room among words", "?q=slow+tide"), ("room among the dearest", "?sort=cost")):
        wide = query.replace("?", "?wall=all&") or "?wall=all"
        compare(name, [(browser, address + (wide if turn > 1 else query)) for turn, (browser, address) in enumerate(rooms)], say)
    queues = [reverse("project_review", args=["SMALL"]), reverse("project_review", args=["LARGE"]), reverse("all_review"), reverse("all_review")]
    compare("review queue", [(browser, queue) for (browser, _), queue in zip(walls, queues, strict=True)], say)


def room(project: Project) -> str:
    """The address of the room of the clip in the middle of what is undecided on this wall."""
    places = Hanging.objects.filter(project=project, verdict="").order_by("place")
    return reverse("clip", args=[project.code, places[places.count() // 2].clip_id])


def compare(name: str, asked: list[tuple[Client, str]], say: Callable[[str], None]) -> None:
    """The project of a thousand, the one of very many, the wall of all for a member of the small one alone, and for an admin."""
    queries = [timed(partial(browser.get, address), times=1)[1] for browser, address in asked]
    turns = [[took(browser, address) for browser, address in asked] for _ in range(9)]
    few, lots, member, admin = (sum(one) / len(turns) for one in zip(*turns, strict=True))
    say(
        f"{name:26} {lots:6.1f} / {few:6.1f} ms = {lots / few:4.2f}; wall of all: a member of the small one {member / few:4.2f}, an admin {admin / few:4.2f}; "
        f"queries {queries[1]} / {queries[0]}, {queries[2]}, {queries[3]}"
    )
    assert queries[1] <= queries[0] + 1  # a room among very many asks the facets how many there are


def took(browser: Client, address: str) -> float:
    """Milliseconds of the processor for one answer, ours and the database's: what else the machine does meanwhile is not counted."""
    start = spent()
    browser.get(address)
    return (spent() - start) * 1000


def spent() -> float:
    """Seconds of the processor so far; PostgreSQL's to a hundredth, where it runs on this machine."""
    if database.vendor == "sqlite":
        return time.process_time()
    stat = Path(f"/proc/{_backend()}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


@cache
def _backend() -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
