"""The cache that all processes share."""

import pickle
import time

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from studio.shared_state import cache as module
from studio.shared_state.models import CachedValue

pytestmark = pytest.mark.django_db


class Exploit:
    """Creates a file when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a pickle was run')",)


@pytest.fixture(autouse=True)
def _shared(settings: Settings) -> None:
    settings.CACHES = {**settings.CACHES, "default": {"BACKEND": "studio.shared_state.cache.SharedCache"}}


def test_values_are_kept_until_they_expire(monkeypatch: pytest.MonkeyPatch):
    cache.set("a", {"b": [1, None, "ü"]}, 60)
    cache.set("forever", 1.5, None)
    assert cache.get("a") == {"b": [1, None, "ü"]}
    assert cache.touch("a", 120)
    at = time.time()
    monkeypatch.setattr("time.time", lambda: at + 121)
    assert cache.get("a", "gone") == "gone"
    assert not cache.touch("a")
    assert cache.get("forever") == 1.5
    module.delete_expired()
    assert CachedValue.objects.count() == 1


def test_a_key_is_added_once(monkeypatch: pytest.MonkeyPatch):
    assert cache.add("turn", "mine", 10)
    assert not cache.add("turn", "yours", 10)
    assert cache.get("turn") == "mine"
    at = time.time()
    monkeypatch.setattr("time.time", lambda: at + 11)
    assert cache.add("turn", "yours", 10)
    assert cache.delete("turn")
    assert not cache.delete("turn")


@pytest.mark.parametrize("value", [Exploit(), b"bytes", object(), {1, 2}])
def test_what_is_no_json_is_refused(value: object):
    with pytest.raises(TypeError):
        cache.set("a", value)


def test_what_stands_in_the_table_is_never_run():
    cache.set("a", "b")
    CachedValue.objects.update(value=pickle.dumps(Exploit(), protocol=0).decode())
    with pytest.raises(ValueError, match="Expecting value"):
        cache.get("a")


def test_it_stays_small(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST", 5)
    cache.set("forever", 1, None)
    for number in range(20):
        cache.set(f"{number}", number, 60 + number)
    assert CachedValue.objects.count() == 5
    assert cache.get("forever") == 1
    assert cache.get("19") == 19
