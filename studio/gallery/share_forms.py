"""What a maker says about a link, and what a guest says."""

import uuid
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from studio.gallery.comment_forms import CommentForm
from studio.gallery.models import GUEST_NAME, Verdict
from studio.gallery.share_models import ShareLink
from studio.gallery.shows import Show
from studio.jobs.wanted import uuid_of
from studio.web.text_fields import LineField, LinesField

DAYS = 14  # that a link lives unless told otherwise
MOST_DAYS = 366
MOST_CLIPS = 500  # of one link
PASSWORD = (6, 100)  # letters, at least and at most
VIEWS = [
    (Show.PICKED.value, "All picks"),
    (Show.OPEN.value, "Everything that is not rejected"),
    (Show.UNDECIDED.value, "Everything that is undecided"),
    (Show.MAYBE.value, "Every maybe"),
]
NAME_WANTED = "Write your name, so that the team knows who said it."
SWITCHES = ("may_view", "may_comment", "may_decide", "may_download", "shows_prompts", "shows_prices", "shows_names")


def ids_of(texts: Iterable[str]) -> list[uuid.UUID]:
    """The ids that stand in these texts, separated by commas or spaces, each once; what is none is left out."""
    words = ",".join(texts).replace(",", " ").split()
    return list(dict.fromkeys(key for word in words if (key := uuid_of(word))))


def shown(name: str) -> str:
    """A name of a guest: letters that show, on one line."""
    return " ".join("".join(letter for letter in name if letter.isprintable()).split())


def end_of(day: date) -> datetime:
    """The last moment of this day where the reader is."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


class ShareForm(forms.Form):
    """A link's title, what its guests may do, and until when. Its clips are no field: they are looked up in the project."""

    title = LineField(label="Title", max_length=120, help_text="Guests see it, and so does a chat into which the link is pasted.")
    note = LinesField(label="Note to the guests", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    show = forms.ChoiceField(
        label="What it shows", choices=VIEWS, required=False, help_text="Looked up at each visit: what is picked later is there too."
    )
    until = forms.DateField(label="Works until the end of", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    never = forms.BooleanField(label="Never ends", required=False, help_text="Until somebody revokes it. Only owners can choose this.")
    password = forms.CharField(
        label="Password",
        required=False,
        min_length=PASSWORD[0],
        max_length=PASSWORD[1],
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Tell it in another way than the link. It cannot be shown again.",
    )
    guest_name = LineField(
        label="For one person",
        max_length=GUEST_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Their name. Whoever has the link speaks as this guest, and nobody is asked for a name.",
    )
    no_password = forms.BooleanField(label="Take the password away", required=False)
    may_view = forms.BooleanField(label="Watch", required=False, initial=True)
    may_decide = forms.BooleanField(label="Pick, maybe, reject", required=False)
    may_comment = forms.BooleanField(label="Comment", required=False, help_text="They read what the team says about these clips, too.")
    may_download = forms.BooleanField(label="Download", required=False)
    shows_prompts = forms.BooleanField(label="Prompts", required=False)
    shows_prices = forms.BooleanField(label="Prices", required=False)
    shows_names = forms.BooleanField(label="Names of the team", required=False)

    def __init__(self, *args: Any, link: ShareLink | None = None, is_view: bool, owns: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.link = link
        if not is_view:
            del self.fields["show"]
        if not owns:
            del self.fields["never"]
            self.fields["until"].required = True
        if link is None or not link.password:
            del self.fields["no_password"]
        else:
            self.fields["password"].label = "New password"

    @classmethod
    def first(cls, *, title: str, is_view: bool, owns: bool) -> "ShareForm":
        """The form of a link that is to be made."""
        until = timezone.localdate() + timedelta(days=DAYS)
        return cls(initial={"title": title, "until": until, "show": Show.PICKED.value, "may_view": True}, is_view=is_view, owns=owns)

    @classmethod
    def of(cls, link: ShareLink, *, owns: bool) -> "ShareForm":
        """The form of a link as it stands."""
        last = timezone.localdate(link.last_moment) if link.last_moment else None
        told = {name: getattr(link, name) for name in ("title", "note", "show", "guest_name", *SWITCHES)}
        initial = {**told, "until": last, "never": link.expires_at is None}
        return cls(initial=initial, link=link, is_view=link.kind == ShareLink.Kind.VIEW, owns=owns)

    def clean_until(self) -> date | None:
        """Not in the past, and not in a far future."""
        until: date | None = self.cleaned_data["until"]
        today = timezone.localdate()
        if until and until < today:
            raise forms.ValidationError("That day is over. Choose today or a later day.")
        if until and until > today + timedelta(days=MOST_DAYS):
            raise forms.ValidationError("At most a year from now.")
        return until

    def clean_guest_name(self) -> str:
        """Letters that show, on one line."""
        return shown(self.cleaned_data["guest_name"])

    def clean(self) -> dict[str, Any]:
        """An end, unless an owner wants none; and something that a guest may do."""
        given = super().clean() or self.cleaned_data
        if not given.get("until") and not given.get("never") and "until" not in self.errors:
            self.add_error("until", "Say until when the link works.")
        if not (given.get("may_view") or given.get("may_download")):
            self.add_error("may_view", "Let guests watch or download, or revoke the link.")
        if not given.get("may_view") and (given.get("may_decide") or given.get("may_comment")):
            self.add_error("may_view", "Nobody can judge what they may not watch.")
        return given

    def facts(self) -> dict[str, Any]:
        """The link's columns as this form wants them. A password that was left empty stays as it is."""
        given = self.cleaned_data
        facts = {name: given[name] for name in ("title", "note", "guest_name", *SWITCHES)}
        facts["expires_at"] = None if given.get("never") else end_of(given["until"])
        if "show" in self.fields:
            facts["show"] = given["show"]
        if given["password"]:
            facts["password"] = make_password(given["password"])
        elif given.get("no_password"):
            facts["password"] = ""
        return facts


class NameForm(forms.Form):
    """What a guest is called."""

    name = LineField(
        label="Your name", max_length=GUEST_NAME, widget=forms.TextInput(attrs={"autocomplete": "name"}), error_messages={"required": NAME_WANTED}
    )

    def clean_name(self) -> str:
        """Letters that show, on one line."""
        name = shown(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(NAME_WANTED)
        return name


class GuestPressForm(NameForm):
    """A verdict to give, or one to take back; with a name, from somebody who has not said who they are."""

    verdict = forms.ChoiceField(choices=Verdict.choices, required=False)
    back = forms.ChoiceField(choices=Verdict.choices, required=False)

    def __init__(self, *args: Any, known: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if known:
            del self.fields["name"]

    def clean(self) -> dict[str, Any]:
        """Exactly one thing is wanted."""
        given = super().clean() or self.cleaned_data
        if bool(given.get("verdict")) == bool(given.get("back")):
            raise forms.ValidationError("Say pick, maybe or reject.")
        return given


class GuestCommentForm(NameForm, CommentForm):
    """A guest's words, or what they do with those that they said; with a name, from somebody who has not said who they are. Guests settle nothing."""

    do = forms.ChoiceField(choices=[(deed, deed) for deed in ("say", "edit", "remove", "bring_back")], required=False)

    def __init__(self, *args: Any, known: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if known:
            del self.fields["name"]
