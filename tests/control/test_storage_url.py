"""STUDIO_STORAGE_URL: what each form means, and that a wrong one says what is wrong without repeating a secret."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from studio.storage import Place, internal_location, place_of

DEFAULT = Path("/data/media")


def place(address: str) -> Place:
    return place_of(address, default=DEFAULT)


@pytest.mark.parametrize(
    ("address", "folder"), [("", DEFAULT), ("file:///srv/clips", Path("/srv/clips")), ("file:///srv/our%20clips/", Path("/srv/our clips"))]
)
def test_files_lie_in_a_folder(address: str, folder: Path):
    found = place(address)

    assert (found.backend, found.options, found.folder, found.origin) == (
        "django.core.files.storage.FileSystemStorage", {"location": folder}, folder, "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "endpoint", "origin", "addressing"),
    [
        ("s3://clips?region=eu-central-1", "https://s3.eu-central-1.amazonaws.com", "https://clips.s3.eu-central-1.amazonaws.com", "virtual"),
        ("s3://our.clips?region=eu-west-1", "https://s3.eu-west-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com", "path"),
        ("s3://clips?endpoint=https://minio.lan:9000/", "https://minio.lan:9000", "https://minio.lan:9000", "path"),
        ("s3://clips?endpoint=http://minio:9000&public=https://files.example.org", "http://minio:9000", "https://files.example.org", "path"),
        ("s3://clips?endpoint=https://s3.example.org&addressing=virtual", "https://s3.example.org", "https://clips.s3.example.org", "virtual"),
    ],
)
def test_files_lie_in_a_bucket_and_browsers_may_fetch_from_there(address: str, endpoint: str, origin: str, addressing: str):
    found = place(address)

    assert (found.options["endpoint_url"], found.origin, found.options["addressing"], found.folder) == (endpoint, origin, addressing, None)


def test_a_key_is_unquoted_and_never_shown():
    found = place("s3://AKIA:a%2Fb%2Bc%40@clips?region=eu-central-1&prefix=team/studio/")

    assert (found.options["access_key"], found.options["secret_key"], found.options["location"]) == ("AKIA", "a/b+c@", "team/studio")
    assert "a/b+c@" not in repr(found)


def test_without_a_key_the_machines_own_role_counts():
    options = place("s3://clips?region=eu-central-1").options

    assert (options["access_key"], options["secret_key"]) == (None, None)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("gs://clips", "must start with file: or s3:"),
        ("/srv/clips", "must start with file: or s3:"),
        ("file://srv/clips", "three slashes"),
        ("file:///", "names no folder"),
        ("s3://?region=eu-central-1", "names no bucket"),
        ("s3://AKIA:s3cr3t@Un_der?region=eu-central-1", "names no bucket"),
        ("s3://AKIA@clips?region=eu-central-1", "a key without its secret"),
        ("s3://AKIA:s3cr3t/x@clips?region=eu-central-1", "%2F"),
        ("s3://AKIA:s3cr3t[x@clips?region=eu-central-1", "cannot be read"),
        ("s3://AKIA:s3cr3t@clips/studio?region=eu-central-1", "prefix="),
        ("s3://AKIA:s3cr3t@clips", "needs region="),
        ("s3://AKIA:s3cr3t@clips?region=EU West", "a region that is none"),
        ("s3://AKIA:s3cr3t@clips?region=eu-central-1&acl=public-read", "says 'acl', which is unknown"),
        ("s3://AKIA:s3cr3t@clips?region", "cannot be read"),
        ("s3://AKIA:s3cr3t@clips?endpoint=minio:9000", "endpoint= without the address of a server"),
        ("s3://AKIA:s3cr3t@clips?endpoint=https://u:p@minio:9000", "endpoint= without the address of a server"),
        ("s3://AKIA:s3cr3t@clips?endpoint=", "endpoint= without the address of a server"),
        ("s3://AKIA:s3cr3t@clips?region=eu-central-1&public=files.example.org", "public= without the address of a server"),
        ("s3://AKIA:s3cr3t@clips?region=eu-central-1&addressing=dns", "neither path nor virtual"),
        ("s3://AKIA:s3cr3t@clips?region=eu-central-1&prefix=../up", "a prefix with something other"),
    ],
)
def test_a_wrong_one_says_what_is_wrong_and_no_secret(address: str, told: str):
    with pytest.raises(ImproperlyConfigured, match="STUDIO_STORAGE_URL") as error:
        place(address)

    assert told in str(error.value)
    assert "s3cr3t" not in str(error.value)


def test_a_web_server_in_front_may_send_the_files_of_a_folder():
    assert [internal_location(path, place("")) for path in ("", "/protected/", "/a/b-c/")] == ["", "/protected/", "/a/b-c/"]


@pytest.mark.parametrize("path", ["protected", "/protected", "protected/", "/", "//", "/a b/", "/a?b/", "https://studio.example.org/protected/"])
def test_a_path_that_is_none_is_refused(path: str):
    with pytest.raises(ImproperlyConfigured, match="it takes a path such as /protected/"):
        internal_location(path, place(""))


def test_a_web_server_in_front_cannot_send_what_lies_in_a_bucket():
    with pytest.raises(ImproperlyConfigured, match="STUDIO_ACCEL_REDIRECT is for files in a folder, but STUDIO_STORAGE_URL names a bucket"):
        internal_location("/protected/", place("s3://clips?region=eu-central-1"))
