"""Pages travel compressed, where no proxy does it: a board of 60 KB is 9 KB then. Files do not: they are compressed already, and a range of them must stay one."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    """Django's own, which hides its length from whoever guesses at secrets, for HTML that is here as a whole."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The page, compressed where the browser takes it; everything else as it is."""
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
