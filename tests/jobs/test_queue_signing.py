"""Tasks in the queue are pickles, so only what our own key signed is unpickled, whoever can write to the queue."""

import pickle
from pathlib import Path

import pytest
from django.core import signing
from django_q.conf import Conf
from django_q.signing import BadSignature, PickleSerializer, SignedPackage


class Trap:
    """What runs code of its own as soon as somebody unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("key", ["", "another-key-of-fifty-characters-0123456789-abcdefghij"])
def test_a_task_that_was_not_signed_with_our_key_is_never_unpickled(key: str, tmp_path: Path):
    trap = Trap(tmp_path / "mark")
    task = signing.dumps(trap, key=key or "x", salt=Conf.PREFIX, serializer=PickleSerializer)  # type: ignore[arg-type]

    with pytest.raises(BadSignature):
        SignedPackage.loads(task)

    assert not trap.mark.exists()
    pickle.loads(pickle.dumps(trap))  # noqa: S301 - the trap works
    assert trap.mark.exists()


def test_a_signed_task_that_was_changed_is_never_unpickled(tmp_path: Path):
    trap = Trap(tmp_path / "mark")
    task = SignedPackage.dumps({"func": "studio.jobs.worker.sweep"})
    body = signing.b64_encode(pickle.dumps(trap)).decode()

    with pytest.raises(BadSignature):
        SignedPackage.loads(":".join([body, *task.split(":")[1:]]))

    assert not trap.mark.exists()
