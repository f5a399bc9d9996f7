"""What the frame around every page shows."""

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, object]:
    """The frame's own variables."""
    return {}
