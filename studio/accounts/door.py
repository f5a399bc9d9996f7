"""Who is asking: for views that belong to no project."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from studio.accounts.models import User


def person(request: HttpRequest) -> User:
    """The person who is signed in. PermissionDenied for nobody, whom the sign-in page has caught before."""
    if not isinstance(request.user, User) or not request.user.is_active:
        raise PermissionDenied
    return request.user


def admin(request: HttpRequest) -> User:
    """The admin who is signed in; PermissionDenied for anybody else."""
    user = person(request)
    if not user.is_admin:
        raise PermissionDenied("Only an admin can do this.")
    return user


def credit_manager(request: HttpRequest) -> User:
    """The admin or credit manager who is signed in; PermissionDenied for anybody else."""
    user = person(request)
    if not user.manages_credits:
        raise PermissionDenied("Only credit managers and admins can do this.")
    return user
