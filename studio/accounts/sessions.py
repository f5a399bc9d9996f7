"""What a script of a page is answered when its page outlived the session: 401 for it, never a redirect to a page that would be swapped in.

    nobody is signed in          401, SESSION: none
    somebody else is signed in   401, SESSION: other       the page names its person in PERSON, and must not act as another one
    the CSRF token is stale      403, SESSION: stale       signed in again in another tab; `session` has a new token

static/js/request.js reads these and goes on after a sign-in. Whoever asks for a whole page is redirected, or gets templates/403_csrf.html.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers
from django.views.csrf import csrf_failure
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from studio.accounts import security_log, session_age
from studio.accounts.models import User
from studio.web.htmx import is_fetched, varied

PERSON, SESSION = "Studio-Person", "Studio-Session"
WORDS = {
    "none": "You are signed out.",
    "other": "Somebody else is signed in in this browser.",
    "stale": "This page was opened before the last sign-in.",
}


class SignedIn(LoginRequiredMiddleware):
    """Lets in who is signed in, and answers 401 to scripts of everybody else. Views marked `login_not_required` are open."""

    def process_request(self, request: HttpRequest) -> None:
        """Sign out whose session is too old or was not used for too long."""
        if SESSION_KEY in request.session:
            if session_age.is_over(request.session):
                security_log.note_refusal(request, "session_over")
                logout(request)
            else:
                session_age.note_use(request)

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: tuple[Any, ...], view_kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """The answer to whoever may not ask; None lets the view answer."""
        if not is_fetched(request) or not getattr(view_func, "login_required", True):
            return super().process_view(request, view_func, view_args, view_kwargs)
        if not request.user.is_authenticated:
            return refusal("none", status=HTTPStatus.UNAUTHORIZED)
        if request.headers.get(PERSON, str(request.user.pk)) != str(request.user.pk):
            return refusal("other", status=HTTPStatus.UNAUTHORIZED)
        return None


def refusal(session: str, *, status: HTTPStatus) -> HttpResponse:
    """A refusal in plain words, which no cache keeps and no page swaps in."""
    answer = HttpResponse(WORDS[session], status=status, content_type="text/plain", headers={SESSION: session})
    add_never_cache_headers(answer)
    return varied(answer)


def refused_token(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """CSRF_FAILURE_VIEW: a script hears that the token is stale, so that no lack of rights is blamed."""
    security_log.note_refusal(request, f"csrf: {reason}")
    return refusal("stale", status=HTTPStatus.FORBIDDEN) if is_fetched(request) else csrf_failure(request, reason=reason)


@login_not_required  # a page asks who is signed in, if anybody
@never_cache
@require_safe
def session(request: HttpRequest) -> JsonResponse:
    """Who is signed in in this browser and the CSRF token of that session; with null for nobody, the form to sign in."""
    user = request.user if isinstance(request.user, User) and request.user.is_active else None
    form = "" if user else render_to_string("accounts/_sign_in_form.html")
    return JsonResponse({"person": user and str(user.pk), "name": str(user or ""), "token": get_token(request), "form": form})
