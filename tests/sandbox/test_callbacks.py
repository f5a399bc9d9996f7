"""Callbacks: to whom, when, how often, and with what."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from studio.sandbox import callbacks
from studio.sandbox.models import Fault, Kind, RemoteJob
from tests.sandbox.asking import accepted, after, drawn, told


class Listener:
    """An installation that hears callbacks."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                listener.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Keep the tests' output quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.address}/callbacks/token"


@pytest.fixture
def listener(settings: Settings) -> Iterator[Listener]:
    listener = Listener()
    settings.SANDBOX_URL = listener.address
    thread = threading.Thread(target=listener.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield listener
    listener.server.shutdown()
    thread.join()
    listener.server.server_close()


def test_ttapi_calls_back_with_what_fetch_says(listener):
    job = drawn(accepted("ttapi", hook_url=listener.url))
    assert not callbacks.due()
    after(job, 1.01)
    assert callbacks.due()
    assert callbacks.deliver_due() == 1
    assert listener.heard == [told(job)]
    assert listener.heard[0]["status"] == "SUCCESS"


def test_acedata_calls_back_with_the_synchronous_body(listener):
    job = after(drawn(accepted("acedata", callback_url=listener.url)), 1.01)
    callbacks.deliver_due()
    assert listener.heard == [told(job)["response"]]
    assert listener.heard[0]["success"] is True


def test_a_failure_calls_back_though_nothing_was_drawn(listener):
    Fault.objects.create(kind=Kind.FAILURE)
    after(accepted("acedata", callback_url=listener.url), 1.01)
    callbacks.deliver_due()
    assert [body["success"] for body in listener.heard] == [False]


def test_a_callback_is_sent_once(listener):
    after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    assert [callbacks.deliver_due(), callbacks.deliver_due()] == [1, 0]
    assert (len(listener.heard), callbacks.due()) == (1, False)


def test_two_who_deliver_at_once_send_one(listener):
    job = after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    seen_by_another = RemoteJob.objects.get(pk=job.pk)
    callbacks.deliver_due()
    assert callbacks._claim(seen_by_another) == []
    assert len(listener.heard) == 1


@pytest.mark.django_db(transaction=True)
def test_several_clusters_that_deliver_at_once_send_each_callback_once(listener):
    for _ in range(30):
        after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    sent = []

    def deliver():
        sent.append(callbacks.deliver_due())
        connection.close()

    clusters = [threading.Thread(target=deliver) for _ in range(4)]
    for cluster in clusters:
        cluster.start()
    for cluster in clusters:
        cluster.join()
    assert sum(sent) == 30
    assert len({body["jobId"] for body in listener.heard}) == len(listener.heard) == 30


def test_nothing_is_told_before_the_video_is_drawn(listener):
    after(accepted("ttapi", hook_url=listener.url), 1.01)
    assert not callbacks.due()


def test_a_doubled_callback_is_sent_twice(listener):
    Fault.objects.create(kind=Kind.CALLBACK_DOUBLED)
    after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    assert callbacks.deliver_due() == 2
    assert listener.heard[0] == listener.heard[1]


def test_a_forged_callback_comes_while_the_job_runs_and_the_true_one_at_its_end(listener):
    Fault.objects.create(kind=Kind.CALLBACK_FORGED)
    job = accepted("ttapi", hook_url=listener.url)
    assert job.callback_at is not None
    assert job.created_at < job.callback_at < job.ends_at
    RemoteJob.objects.update(callback_at=timezone.now() - timedelta(milliseconds=1))
    assert [callbacks.deliver_due(), callbacks.deliver_due()] == [1, 0]
    forged = listener.heard[0]
    assert (forged["jobId"], forged["status"]) == (job.remote_id, "SUCCESS")
    assert (forged["data"]["videoUrl"], forged["data"]["quota"]) == ("https://videos.example.net/not-yours.mp4", "1000000000")
    assert told(job)["status"] != "SUCCESS"
    job.refresh_from_db()
    assert job.callback_at == job.ends_at
    after(drawn(job), 1.01)
    assert callbacks.deliver_due() == 1
    assert listener.heard[1] == told(job)


def test_acedatas_forged_callback_holds_a_clip_that_is_not_ours(listener):
    Fault.objects.create(kind=Kind.CALLBACK_FORGED)
    accepted("acedata", callback_url=listener.url)
    RemoteJob.objects.update(callback_at=timezone.now() - timedelta(milliseconds=1))
    callbacks.deliver_due()
    assert [item["video_url"] for item in listener.heard[0]["data"]] == ["https://videos.example.net/not-yours.mp4"]


def test_fifty_callbacks_go_out_in_one_delivery_and_the_rest_in_the_next(listener):
    for _ in range(53):
        after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    assert [callbacks.deliver_due(), callbacks.deliver_due(), callbacks.deliver_due()] == [50, 3, 0]
    assert len({body["jobId"] for body in listener.heard}) == 53


def test_a_missing_callback_is_never_sent(listener):
    Fault.objects.create(kind=Kind.CALLBACK_MISSING)
    after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    assert callbacks.deliver_due() == 0


def test_a_late_callback_comes_long_after_the_job_is_through(listener):
    Fault.objects.create(kind=Kind.CALLBACK_LATE)
    job = drawn(accepted("ttapi", hook_url=listener.url))
    assert job.callback_at is not None
    assert job.callback_at - job.ends_at > job.making * 3
    assert not callbacks.due()
    RemoteJob.objects.update(callback_at=timezone.now() - timedelta(seconds=1))
    assert callbacks.deliver_due() == 1


def test_a_job_that_never_finishes_never_calls_back(listener):
    Fault.objects.create(kind=Kind.NEVER)
    after(accepted("ttapi", hook_url=listener.url), 10)
    assert not callbacks.due()


def test_nobody_but_this_installation_is_called(listener, settings):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    assert callbacks.deliver_due() == 0
    assert (listener.heard, callbacks.due()) == ([], False)


def test_a_callback_that_does_not_get_through_is_not_repeated(settings):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    after(drawn(accepted("ttapi", hook_url="http://127.0.0.1:1/callbacks/token")), 1.01)
    assert callbacks.deliver_due() == 0
    assert not callbacks.due()


def test_a_switched_off_sandbox_calls_nobody(listener, settings):
    after(drawn(accepted("ttapi", hook_url=listener.url)), 1.01)
    settings.SANDBOX = False
    assert not callbacks.due()
