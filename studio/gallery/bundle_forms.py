"""What a person says about a ZIP."""

from django import forms

from studio.gallery import bundle_names
from studio.web.text_fields import LineField


class BundleForm(forms.Form):
    """How its files are called. `key` is the form's own, so that sending it twice asks once."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    pattern = LineField(
        label="Names of the files",
        max_length=100,
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text="{project} {code} {title} {take} {date} {provider}. A / makes a folder. What would be called the same gets a number.",
    )

    def clean_pattern(self) -> str:
        """One that names files."""
        try:
            return bundle_names.checked(self.cleaned_data["pattern"])
        except bundle_names.BadPattern as error:
            raise forms.ValidationError(str(error)) from error
