"""The headers that every answer carries, whoever made it: a view, a middleware, an error handler, the server of static files.

A view that needs something else sets the header itself; what stands in the answer already stays.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

CACHE_CONTROL = "private, no-store"  # pages are about one person, who may lose what they see
ALLOWED = ("autoplay", "clipboard-write", "fullscreen", "picture-in-picture")  # what our own pages use
DENIED = (
    *("accelerometer", "bluetooth", "browsing-topics", "camera", "clipboard-read", "compute-pressure", "cross-origin-isolated"),
    *("display-capture", "encrypted-media", "gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection"),
    *("keyboard-map", "local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "payment"),
    *("publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial", "storage-access", "sync-xhr", "usb"),
    *("web-share", "window-management", "xr-spatial-tracking"),
)
PERMISSIONS_POLICY = ", ".join([*(f"{name}=(self)" for name in ALLOWED), *(f"{name}=()" for name in DENIED)])
REPORT_GROUP, REPORT_PATH = "csp", "/csp-report/"  # who hears of what the content policy stopped (csp_reports.py)
HEADERS = {
    "Cache-Control": CACHE_CONTROL,
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Reporting-Endpoints": f'{REPORT_GROUP}="{REPORT_PATH}"',
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def default_headers(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that adds what an answer lacks. The outermost but for the content policy: answers of the others pass through it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return middleware
