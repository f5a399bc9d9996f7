"""Form fields for text that people type: without control characters, marks that turn the reading direction, and other characters that nobody sees."""

from typing import Any

from django import forms

from studio import plain_text


class LineField(forms.CharField):
    """A name or a title: one line with single spaces."""

    def to_python(self, value: Any) -> str:
        """The text as `plain_text.one_line` leaves it."""
        return plain_text.one_line(super().to_python(value) or "")


class SearchField(LineField):
    """A text to search for. One of invisible characters alone stays as it is: it must find nothing, and no text would find everything."""

    def to_python(self, value: Any) -> str:
        """The text as `LineField` leaves it, unless nothing is left."""
        return super().to_python(value) or forms.CharField.to_python(self, value) or ""


class LinesField(forms.CharField):
    """A comment or a reason: line feeds and tabs stay."""

    def to_python(self, value: Any) -> str:
        """The text as `plain_text.lines` leaves it."""
        text = plain_text.lines(super().to_python(value) or "")
        return text.strip() if self.strip else text


class AddressField(forms.EmailField):
    """An e-mail address. Django takes one whose domain has characters that nobody sees."""

    def to_python(self, value: Any) -> str:
        """The address as `plain_text.one_line` leaves it."""
        return plain_text.one_line(super().to_python(value) or "")
