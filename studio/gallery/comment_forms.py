"""What the forms around comments may say."""

from typing import Any

from django import forms

from studio.gallery.comments import LONGEST, Words
from studio.web.text_fields import LinesField, SearchField

LAST = 24 * 3_600_000  # milliseconds; beyond any clip
DEEDS = ["say", "edit", "remove", "bring_back", "resolve", "reopen"]
TOO_LONG = "%(show_value)s characters are too many: a comment has at most %(limit_value)s. Say it in two."


class CommentForm(forms.Form):
    """One deed. Saying needs `key` and `text`, everything else `comment`; editing both. `at` is a millisecond, `reply_to` a comment."""

    do = forms.ChoiceField(choices=[(deed, deed) for deed in DEEDS], required=False)
    key = forms.UUIDField(required=False)
    comment = forms.UUIDField(required=False)
    reply_to = forms.UUIDField(required=False)
    at = forms.IntegerField(min_value=0, max_value=LAST, required=False)
    text = LinesField(required=False, max_length=LONGEST, error_messages={"max_length": TOO_LONG})

    def clean(self) -> dict[str, Any]:
        """Whatever the deed needs is there."""
        cleaned = super().clean() or self.cleaned_data
        do = cleaned["do"] = cleaned.get("do") or "say"
        if do in {"say", "edit"} and not cleaned.get("text") and "text" not in self.errors:
            self.add_error("text", "Write something first.")
        if not cleaned.get("key" if do == "say" else "comment") and not self.errors:
            raise forms.ValidationError("This page is too old. Reload it; what you typed stays.")
        return cleaned

    @property
    def is_writing(self) -> bool:
        """Whether it comes from where one writes; the other deeds are buttons of a comment."""
        return self.data.get("do", "say") in {"", "say", "edit"}

    @property
    def words(self) -> Words:
        """What is to be said."""
        given = self.cleaned_data
        return Words(given["text"], given.get("at"), given.get("reply_to"))

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence."""
        return next((str(sentence) for sentences in self.errors.values() for sentence in sentences), "")


class FindForm(forms.Form):
    """Whose name is looked for."""

    q = SearchField(required=False, max_length=80)


class SeenForm(forms.Form):
    """Which mentions were seen: those about one clip, or all."""

    clip = forms.UUIDField(required=False)
