"""How the product names its cookies, and the messages cookie under such a name.

A browser takes a cookie called `__Host-...` only over https, for this very host and for every path; one called `__Secure-...` only over
https. Another host of the same domain, or a page over plain http, can therefore set none of them in our name.
"""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


def prefixed(name: str, *, https: bool, path: str = "/") -> str:
    """The name with the strictest prefix that a cookie of this path may have; unchanged over plain http, where browsers refuse the prefixes."""
    if not https:
        return name
    return f"__Host-{name}" if path == "/" else f"__Secure-{name}"


def cookie_name(name: str, *, path: str = "/") -> str:
    """The name under which this installation sets and reads a cookie of this path. The cookie must be `secure=settings.HTTPS` and have no domain."""
    return prefixed(name, https=settings.HTTPS, path=path)


class PrefixedMessageCookie(CookieStorage):
    """Django's messages cookie under a prefixed name."""

    @property
    def cookie_name(self) -> str:  # type: ignore[override]  # Django has a class attribute
        """Follows the setting, which tests change."""
        return cookie_name("messages")


class MessageStorage(FallbackStorage):
    """Messages in a cookie, and in the session where the cookie would be too large."""

    storage_classes = (PrefixedMessageCookie, SessionStorage)
