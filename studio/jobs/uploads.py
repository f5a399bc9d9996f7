"""How much of an uploaded file is kept before anybody has looked at it, or at who sends it: any form may carry files, the sign-in form too."""

from django.core.files.uploadhandler import FileUploadHandler

from studio.jobs.references import MOST_BYTES


class Bounded(FileUploadHandler):
    """Passes no more of a file on than one byte beyond what a reference image may have, which shows that it is too large. The rest is thrown away."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """The part of this chunk that the next handler gets; None for nothing."""
        return raw_data[: max(0, MOST_BYTES + 1 - start)] or None

    def file_complete(self, file_size: int) -> None:
        """The file is made by the handlers behind this one."""
