"""Files in a bucket that speaks S3. Its troubles are OSErrors, as those of a disk, and it gives out links that work for minutes. Decides nothing about who may have one."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.cache import caches
from django.core.files import File
from storages.backends.s3 import S3Storage

from studio.providers import trust

LINK_SECONDS = 300  # how long a link works: as long as it takes to follow it, and to come back to a clip that was paused
SAME_SECONDS = 120  # how long the same link is given to whoever may have one
IN_MEMORY = 4_000_000  # bytes of a file that is read; what is larger goes through a temporary file
PARTS_AT_ONCE = 3  # of 8 MB, in memory, while a large file is stored


class Bucket(S3Storage):
    """A bucket. Files in it are private, because S3's are: an access list is not sent, and newer buckets would refuse it.

    `public` is the address under which browsers reach it, `addressing` whether its name stands in the path or in the host.
    """

    bucket_name: str
    region_name: str
    client_config: Config

    def __init__(self, *, public: str, addressing: str, **options: Any) -> None:
        self.public = public
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing},
            connect_timeout=5,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 3},
            request_checksum_calculation="when_required",  # not every server that speaks S3 knows the newer checksums
            response_checksum_validation="when_required",
        )
        transfer = TransferConfig(max_concurrency=PARTS_AT_ONCE)
        if settings.OWN_CERTIFICATES:
            authorities = Path(settings.DATA_DIR) / "authorities.pem"
            trust.write(authorities)
            options["verify"] = str(authorities)
        super().__init__(client_config=config, transfer_config=transfer, max_memory_size=IN_MEMORY, file_overwrite=True, **options)

    def link(self, name: str, *, method: str, kind: str, disposition: str, cache: str) -> str:
        """An address that gives this file to whoever has it, by this method, for LINK_SECONDS at most, with `cache` as its Cache-Control. Asks nobody.

        The same one is given for a while, or no browser would find again what it kept: a wall of posters would be fetched at each visit.
        """
        said = {"ResponseContentType": kind, "ResponseContentDisposition": disposition, "ResponseCacheControl": cache}
        wanted = {"Bucket": self.bucket_name, "Key": self._normalize_name(name), **said}
        key = hashlib.sha256(repr((self.public, method, wanted)).encode()).hexdigest()
        return str(caches["local"].get_or_set(f"link-{key}", lambda: self._signed(method, wanted), SAME_SECONDS))

    def _signed(self, method: str, wanted: dict[str, str]) -> str:
        return str(self._signer.generate_presigned_url("get_object", Params=wanted, ExpiresIn=LINK_SECONDS, HttpMethod=method))

    @cached_property
    def _signer(self) -> Any:
        return self._create_session().client("s3", region_name=self.region_name, endpoint_url=self.public, config=self.client_config)

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with _as_of_a_disk():
            file: File[bytes] = super()._open(name, mode)
            file.open()  # fetch it now, where its troubles are named
            return file

    def _save(self, name: str, content: IO[Any]) -> str:
        with _as_of_a_disk():
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        """Remove the file, if there is one."""
        with _as_of_a_disk():
            super().delete(name)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        with _as_of_a_disk():
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        """The folders and the files there, none where there is no such folder. One request for a thousand of them."""
        with _as_of_a_disk():
            folders, files = super().listdir(name)
            return folders, files

    def size(self, name: str) -> int:
        """Its bytes. Raises FileNotFoundError."""
        with _as_of_a_disk():
            return int(super().size(name))


@contextmanager
def _as_of_a_disk() -> Iterator[None]:
    """Raise the bucket's trouble as OSError, in words for people."""
    try:
        yield
    except ClientError as error:
        raise OSError(errno.EIO, f"the bucket answers {error.response.get('Error', {}).get('Code', 'with an error')}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise OSError(errno.EIO, f"the bucket does not answer ({type(error).__name__})") from error
