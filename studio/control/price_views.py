"""What an admin posts on a connection's page about prices. The page itself is drawn by views.py."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST

from studio.accounts import door
from studio.control import prices
from studio.control.forms import ConnectionForm
from studio.control.price_forms import PriceForm, RateForm
from studio.control.views import page_of
from studio.providers.registry import PROVIDERS
from studio.routing.models import Connection


@require_POST
def price_add(request: HttpRequest, connection: int) -> HttpResponse:
    """Add a price of one's own."""
    user, row = door.admin(request), _connection(connection)
    form = PriceForm(request.POST, connection=row)
    if not form.is_valid():
        return page_of(request, ConnectionForm(connection=row), price=form)
    prices.add_rule(form, row, by=user)
    messages.success(request, "The price holds from the next order on.")
    return redirect("connection_edit", row.pk)


@require_POST
def price_remove(request: HttpRequest, connection: int, rule: int) -> HttpResponse:
    """Remove one that can meet this connection's orders."""
    user, row = door.admin(request), _connection(connection)
    found = next((one for one in prices.rules_of(row) if one.pk == rule), None)
    if found is None or not prices.remove_rule(found, row, by=user):
        messages.info(request, "This price was not there any more.")
    else:
        messages.success(request, "The price is removed. What was ordered by it keeps its estimate.")
    return redirect("connection_edit", row.pk)


@require_POST
def rate_add(request: HttpRequest, connection: int) -> HttpResponse:
    """Add a rate for reported usage."""
    user, row = door.admin(request), _connection(connection)
    form = RateForm(request.POST, connection=row)
    if not form.is_valid():
        return page_of(request, ConnectionForm(connection=row), rate=form)
    rate = prices.add_rate(form, row, by=user)
    begins = "at once" if rate.valid_from <= timezone.now() else f"from {date_format(timezone.localtime(rate.valid_from), 'j F Y')} on"
    messages.success(request, f"The rate holds {begins}.")
    return redirect("connection_edit", row.pk)


def _connection(pk: int) -> Connection:
    """The connection, if its provider is one that we know."""
    return get_object_or_404(Connection, pk=pk, provider__in=PROVIDERS)
