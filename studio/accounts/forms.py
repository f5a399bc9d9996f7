"""The forms about people: signing in (allauth's, in our words), invitations, and one's own page."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from allauth.account import forms as allauth
from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils import timezone

from studio.accounts import rate_limits, security_log
from studio.accounts.clock import LOCALES
from studio.accounts.models import User, address_of
from studio.web.text_fields import AddressField, LineField

PASSWORD_HINT = "At least 10 characters, not a common word."  # noqa: S105 - a hint
AREAS = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")


def bare(form: forms.BaseForm) -> None:
    """Take away the placeholders that repeat the labels."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class SignIn(allauth.LoginForm):
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bare(self)
        self.fields["login"].label = "E-mail address"
        self.fields["login"].widget.attrs["autofocus"] = True
        self.fields["password"].help_text = ""


class AskReset(allauth.ResetPasswordForm):
    """The address to send the link for a new password to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bare(self)
        self.fields["email"].label = "E-mail address"

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Send the letter. Raises TooManyRequests after a few to one address, whether there is such an account or not."""
        rate_limits.check(request, "reset_letter", key=address_of(self.cleaned_data["email"]))
        security_log.succeeded(request, "reset_requested", **security_log.account(self.cleaned_data["email"]))
        return str(super().save(request, **kwargs))


def _word_passwords(form: forms.BaseForm) -> None:
    """Our words for a new password, typed twice."""
    bare(form)
    form.fields["password1"].label, form.fields["password1"].help_text = "New password", PASSWORD_HINT
    form.fields["password2"].label = "The same again"


class ResetPassword(allauth.ResetPasswordKeyForm):
    """A new password, for somebody who came by the link in the e-mail, which proves that they read what is sent to their address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_passwords(self)

    def save(self) -> None:
        """Keep the password, and that the address is theirs."""
        super().save()
        User.objects.filter(pk=self.user.pk).update(email_proved_at=timezone.now())


class ChangePassword(allauth.ChangePasswordForm):
    """A new password in the place of a known one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_passwords(self)
        self.fields["oldpassword"].label, self.fields["oldpassword"].help_text = "Current password", ""

    def clean_oldpassword(self) -> str:
        """Log a wrong one: whoever uses somebody else's open session does not know it."""
        try:
            return str(super().clean_oldpassword())
        except forms.ValidationError:
            security_log.failed(context.request, "password_change_failed")
            raise


class SetPassword(allauth.SetPasswordForm):
    """A first password, for somebody who came in by a link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_passwords(self)


class Welcome(forms.Form):
    """What an invited person tells us: their name and a password."""

    name = LineField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password1 = forms.CharField(
        label="Password", help_text=PASSWORD_HINT, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    password2 = forms.CharField(label="The same again", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        self.fields["name"].initial = person.name

    def clean(self) -> dict[str, Any]:
        """Both passwords are the same, and a good one."""
        data = super().clean() or {}
        if "password1" not in data or "password2" not in data:
            return data
        if data["password1"] != data["password2"]:
            self.add_error("password2", "The two passwords differ.")
        try:
            validate_password(data["password1"], User(email=self.person.email, name=data.get("name", "")))
        except forms.ValidationError as error:
            self.add_error("password1", error)
        return data


class Invite(forms.Form):
    """Whom to invite, as what."""

    email = AddressField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="Role", choices=User.Role.choices, initial=User.Role.MEMBER)


class ChooseRole(forms.Form):
    """One of the installation's roles."""

    role = forms.ChoiceField(choices=User.Role.choices)


class Switch(forms.Form):
    """On or off."""

    to = forms.ChoiceField(choices=[("on", "on"), ("off", "off")])


@cache
def zones() -> list[str]:
    """The time zones that are named after places. Reading them all takes a tenth of a second, so once a process."""
    return sorted(zone for zone in available_timezones() if zone.startswith(AREAS))


class Me(forms.Form):
    """What a person says about themselves."""

    name = LineField(label="Name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = forms.ChoiceField(label="Time zone", choices=[], required=False)
    locale = forms.ChoiceField(label="Dates and numbers", choices=[("", "As the studio writes them"), *LOCALES], required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(
            label="Time zone",
            choices=[("", f"The studio's, {settings.TIME_ZONE}"), ("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in zones())],
            required=False,
        )
