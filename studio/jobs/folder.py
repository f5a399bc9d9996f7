"""Files in a folder of this machine."""

from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from studio import file_modes


class Folder(FileSystemStorage):
    """A folder. A file that could not be written whole, as on a full disk, is not left there in part; with STUDIO_FILE_GROUP its members may read it."""

    def _save(self, name: str, content: IO[Any]) -> str:
        path = Path(self.path(name))
        was_there = path.exists()  # another one's: Django then finds a free name
        try:
            file_modes.make_folders(path.parent, up_to=Path(self.location), group=settings.FILE_GROUP)
            saved = str(super()._save(name, content))  # type: ignore[misc]  # Django’s own way to be extended, which its stubs leave out
        except OSError:
            if not was_there:
                path.unlink(missing_ok=True)
            raise
        if settings.FILE_GROUP is not None:
            file_modes.share(Path(self.path(saved)), settings.FILE_GROUP)
        return saved
