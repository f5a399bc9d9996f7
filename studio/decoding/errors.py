"""Why a file was not decoded, sorted by what to do next.

DecodingError
├── Undecodable   the file is not what we take, or costs more than one file may: the message is for people, another try changes nothing
└── DecoderBusy   nothing is known about the file: try again later
"""


class DecodingError(Exception):
    """The file was not decoded. The message is for people."""


class Undecodable(DecodingError):
    """The file itself is refused."""


class DecoderBusy(DecodingError):
    """There is no room for the file on this machine just now. `seconds` says when to try again."""

    seconds = 10

    def __init__(self, message: str = "This server is busy with other pictures and videos. Try again in a moment.") -> None:
        super().__init__(message)
