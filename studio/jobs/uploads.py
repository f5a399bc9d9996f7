"""How much of an uploaded file is kept before anybody has looked at it, or at who sends it: any form may carry files, the sign-in form too."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from studio.jobs.references import MOST_BYTES
from studio.jobs.rescue import MOST_UPLOADED


class Bounded(FileUploadHandler):
    """Passes no more of a file on than one byte beyond what a reference image may have, which shows that it is too large. The rest is thrown away.

    One form takes a clip, from people who are signed in.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """The part of this chunk that the next handler gets; None for nothing."""
        return raw_data[: max(0, self._most() + 1 - start)] or None

    def _most(self) -> int:
        """Bytes of a file that this form takes."""
        request = self.request
        if request is None or request.resolver_match is None or request.resolver_match.url_name != "job_upload":
            return MOST_BYTES
        return MOST_UPLOADED if request.user.is_authenticated else MOST_BYTES

    def file_complete(self, file_size: int) -> None:
        """The file is made by the handlers behind this one."""


class NoFiles(FileUploadHandler):
    """Keeps the fields of a form and none of its files."""

    def new_file(self, *_arguments: Any, **_named: Any) -> None:
        """Refuse a file before its first byte is kept."""
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing arrives here."""

    def file_complete(self, file_size: int) -> None:
        """Nothing arrives here."""


def without_files(request: HttpRequest) -> None:
    """Have the form of this request read without its files. Only before its body is read."""
    request.upload_handlers = [NoFiles(request)]
