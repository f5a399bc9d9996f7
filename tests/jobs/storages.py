"""Storages that fail: away, full, or deadly to who writes there."""

from typing import IO, Any

from django.core.files.storage import FileSystemStorage
from pytest_django.fixtures import Settings


class ClosedStorage(FileSystemStorage):
    """A storage that takes and gives nothing, and whose errors are its own."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise RuntimeError("storage away")

    def _save(self, name: str, content: IO[Any]) -> str:
        raise RuntimeError("storage away")


class FullDisk(FileSystemStorage):
    def _save(self, name: str, content: IO[Any]) -> str:
        raise OSError(28, "No space left on device")


def use_storage(settings: Settings, storage: type[FileSystemStorage]) -> None:
    """Files go there from now on."""
    location = settings.MEDIA_ROOT
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{storage.__module__}.{storage.__qualname__}", "OPTIONS": {"location": location}},
    }


class Dead(BaseException):
    """The worker's process is gone."""


class DeadlyStorage(FileSystemStorage):
    def _save(self, name: str, content: IO[Any]) -> str:
        raise Dead
