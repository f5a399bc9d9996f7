"""Refuses what other sites make a browser send here, by what the browser says about the request (Fetch Metadata). Besides the CSRF token, not in its place.

    unsafe method    from another site, or from an opaque origin (`Origin: null`)     403, even with a valid token
    safe method      from another site, but for opening a page in a tab of its own    403: no frame, picture, script or fetch of theirs gets private bytes

A sibling host of the same domain is another site here. Browsers leave the headers out over plain http, and programs do not send them: then nothing is
decided here, and tokens, keys and `SameSite` decide as before.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import ResolverMatch
from django.utils.deprecation import MiddlewareMixin

SAFE = {"GET", "HEAD", "OPTIONS"}
OTHER_SITES = {"cross-site", "same-site"}
# What others may ask for by any way, by the name of its address. It gives nobody's bytes by a cookie, or has a proof of its own.
PUBLIC = {
    "csp_report",  # sent by the browser itself
    "healthz",
    "hook",  # providers; the token in the address
    "readyz",
    "reference_public",  # providers; the signature in the address
    "share",  # chats that look at a link
    "share_card",  # the picture of its preview
}
SANDBOX, OF_ADMINS = "sandbox/", {"sandbox", "sandbox_fault"}  # the played providers have keys; their control page has a session


class FetchMetadata(MiddlewareMixin):
    """Before the CSRF check, so that a valid token does not matter."""

    def process_view(
        self, request: HttpRequest, _view: Callable[..., Any], _arguments: tuple[Any, ...], _named: dict[str, Any]
    ) -> HttpResponseBase | None:
        """The refusal; None lets the view answer."""
        if is_public(request.resolver_match) or is_ours(request):
            return None
        return HttpResponse(render_to_string("403_other_site.html"), status=HTTPStatus.FORBIDDEN)


def is_public(match: ResolverMatch | None) -> bool:
    """Whether other sites may ask for this address by any way."""
    return match is not None and (match.url_name in PUBLIC or (match.route.startswith(SANDBOX) and match.url_name not in OF_ADMINS))


def is_ours(request: HttpRequest) -> bool:
    """Whether our own page or the person sent this request, or its sender does not say."""
    from_others = request.headers.get("Sec-Fetch-Site", "").lower() in OTHER_SITES
    if request.method not in SAFE:
        return not from_others and request.headers.get("Origin", "").lower() != "null"
    return not from_others or (request.headers.get("Sec-Fetch-Mode") == "navigate" and request.headers.get("Sec-Fetch-Dest") == "document")
