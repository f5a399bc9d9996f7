"""The forms about connections. `manage.py connection add` fills in the same form, so page and command refuse the same things."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django import forms
from django.conf import settings

from studio.credits.figures import credits_text
from studio.credits.limit_forms import CreditsField
from studio.providers.contract import KEPT_DAYS
from studio.providers.guard import is_named
from studio.providers.registry import PROVIDERS, stores_files
from studio.providers.wire import key_trouble
from studio.routing.models import Connection
from studio.web.text_fields import LineField, LinesField

MOST_REQUESTS = 100_000  # a minute
MOST_JOBS = 1_000
LAST_PLACE = 999
ABOUT_DIALECTS = "Which description of its API the provider keeps to. Another than the newest only if its answers cannot be understood."
ABOUT_COPIES = (
    "Only with {names}. A lost answer is found by the copy’s name, so nobody has to decide about it, and an expired link does no harm. In return the "
    "provider’s file store holds a private copy until ours is checked; one that could not be deleted goes by itself after {days} days."
)
KEY_LENGTH = 500  # characters
RECORDED = ("provider", "dialect", "position", "label", "base_url", "requests_per_minute", "jobs_at_once", "minimum_hold", "keeps_copies")
PORTS = {"https": 443, "http": 80}


class ConnectionForm(forms.Form):
    """A connection, new or changed. The key is write-only: the form never shows one, and an empty field leaves the one that is there."""

    provider = forms.ChoiceField(label="Provider", choices=[])
    label = LineField(
        label="Name",
        max_length=60,
        help_text="What people choose by, such as “xAI, team account”.",
        error_messages={"required": "Give it a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    base_url = LineField(
        label="Base URL",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    key = forms.CharField(
        label="API key",
        max_length=KEY_LENGTH,
        error_messages={"required": "Enter the key that the provider gave you."},
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    requests_per_minute = forms.IntegerField(
        label="Requests per minute", min_value=1, max_value=MOST_REQUESTS, initial=60, help_text="At most this many calls, looks included."
    )
    jobs_at_once = forms.IntegerField(label="Jobs at once", min_value=1, max_value=MOST_JOBS, initial=20, help_text="More wait in line here.")
    keeps_copies = forms.BooleanField(label="Keep a named copy there until the clip is ours", required=False, initial=True)
    position = forms.IntegerField(
        label="Place in the house’s order",
        min_value=1,
        max_value=LAST_PLACE,
        initial=100,
        help_text="Smaller comes first, in lists and for whoever lets the house choose.",
    )

    minimum_hold = CreditsField(
        label="Least credits held",
        required=False,
        help_text="For an order whose price nobody knows. The charge is what it reports.",
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, connection: Connection | None = None, choose: str = "") -> None:
        self.connection = connection or Connection()
        self.before = facts(connection) if connection else None
        held = credits_text(self.connection.minimum_hold).replace(",", "")
        super().__init__(data, initial={**(self.before or {"provider": choose}), "minimum_hold": held})
        choices = [(kind.key, kind.name) for kind in PROVIDERS.values()]
        self.fields["provider"] = forms.ChoiceField(label="Provider", choices=choices, disabled=connection is not None)
        dialects = _dialect_choices(connection)
        if dialects:
            self.fields["dialect"] = forms.ChoiceField(label="Documents", required=False, choices=dialects, help_text=ABOUT_DIALECTS)
        names = ", ".join(kind.name for kind in PROVIDERS.values() if stores_files(kind.key))
        self.fields["keeps_copies"].help_text = ABOUT_COPIES.format(names=names, days=KEPT_DAYS)
        if connection is not None and not stores_files(connection.provider):
            del self.fields["keeps_copies"]
        if self.connection.sandbox:  # its address and its key are the sandbox's own
            del self.fields["base_url"], self.fields["key"]
        else:
            own = PROVIDERS.get(self.connection.provider)
            self.fields["base_url"].help_text = f"Empty for {own.base_url}." if own else "Empty for the provider's own."
            self.fields["key"].required = not self.connection.key_encrypted
            if self.connection.key_encrypted:
                self.fields["key"].help_text = f"Leave it empty to keep the one that ends in {self.connection.key_hint or '…'}. It is never shown."
        for field in self.fields.values():
            field.label_suffix = ""

    def clean_label(self) -> str:
        """A name that no other connection has, however it is capitalised."""
        label = " ".join(str(self.cleaned_data["label"]).split())
        if Connection.objects.filter(label__same=label).exclude(pk=self.connection.pk).exists():
            raise forms.ValidationError("Another connection has this name.")
        return label

    def clean_minimum_hold(self) -> int:
        """Millicredits; empty for what it is."""
        given: int | None = self.cleaned_data["minimum_hold"]
        return self.connection.minimum_hold if given is None else given

    def clean_base_url(self) -> str:
        """An https address without a trailing slash, or nothing for the provider's own."""
        address = str(self.cleaned_data["base_url"]).strip().rstrip("/")
        if address and (wrong := address_trouble(address)):
            raise forms.ValidationError(wrong)
        return address

    def clean_key(self) -> str:
        """A key that can travel in a header, or nothing where there is one already."""
        key = str(self.cleaned_data["key"]).strip()
        if key and (wrong := key_trouble(key)):
            raise forms.ValidationError(wrong)
        return key

    def clean(self) -> dict[str, Any]:
        """The documents are the provider's own, and a key goes only to the host that it was entered for."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        kind = PROVIDERS.get(str(data.get("provider", "")))
        if kind and data.get("dialect", "") not in kind.dialects:
            self.add_error("dialect", f"{kind.name} has no such documents.")
        if self.before and "base_url" in data and "key" in data and not data["key"] and self._host_changed(data["base_url"]):
            self.add_error("key", "The address leads to another host. Enter the key for it, so that the old one does not go there.")
        return data

    def _host_changed(self, address: str) -> bool:
        own = PROVIDERS[self.connection.provider].base_url
        return _host(address or own) != _host(str((self.before or {})["base_url"]) or own)


def _dialect_choices(connection: Connection | None) -> list[Any]:
    """The documents to choose from: those of the connection's provider if it has several; for a new one those of every provider that has, by its name."""
    if connection is not None:
        kind = PROVIDERS.get(connection.provider)
        return [(dialect.key, dialect.label) for dialect in kind.dialects.values()] if kind and len(kind.dialects) > 1 else []
    older = {kind.name: [(key, one.label) for key, one in kind.dialects.items() if key] for kind in PROVIDERS.values()}
    return [("", "The newest"), *((name, choices) for name, choices in older.items() if choices)]


class VerdictForm(forms.Form):
    """What somebody says about an order in doubt, and why. The id is asked for only where the verdict names one."""

    remote_id = LineField(
        label="Its id at the provider",
        max_length=200,
        error_messages={"required": "Enter the id as the provider shows it."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )
    reason = LinesField(
        label="Reason",
        max_length=300,
        help_text="Kept in the record of changes and shown to whoever ordered it.",
        error_messages={"required": "Say how you know, or why you decide so.", "max_length": "Use at most 300 characters."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, names: bool) -> None:
        super().__init__(data, label_suffix="")
        if not names:
            del self.fields["remote_id"]
        else:
            del self.fields["reason"].widget.attrs["autofocus"]


class SwitchForm(forms.Form):
    """On or off, and why."""

    to = forms.ChoiceField(choices=[("on", "on"), ("off", "off")])
    reason = LinesField(max_length=300, required=False)


def address_trouble(address: str) -> str:
    """Why an address cannot be a base URL, in a sentence; an empty string when it can."""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return "This is not an address. Write it like https://api.example.com."
    if parts.scheme not in PORTS or not parts.hostname or re.search(r"[\s\x00-\x1f\\]", address):
        return "This is not an address. Write it like https://api.example.com."
    if parts.username or parts.password or parts.query or parts.fragment:
        return "Leave out user names, questions (?) and fragments (#)."
    named = is_named(parts.hostname, port, settings.ALLOW_PRIVATE_HOSTS)
    if parts.scheme == "http" and not named:
        return f"Use https. For a host of your own network, name {_shown(parts, port)} in STUDIO_ALLOW_PRIVATE_HOSTS."
    if port != PORTS["https"] and not named:
        return f"Only port 443 is asked. For a host of your own network, name {_shown(parts, port)} in STUDIO_ALLOW_PRIVATE_HOSTS."
    return ""


def _shown(parts: SplitResult, port: int) -> str:
    return f"{parts.hostname}:{port}"


def _host(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.casefold()


def facts(connection: Connection) -> dict[str, object]:
    """What the record of changes says about a connection."""
    return {name: getattr(connection, name) for name in RECORDED}
