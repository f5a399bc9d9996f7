"""Which characters stay in texts and names, in which forms and letters, and what their normal forms cost."""

import importlib
import pkgutil
import re
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

import studio
from studio import plain_text
from studio.plain_text import escaped, lines, normalized, one_line
from studio.web.text_fields import AddressField, LineField, LinesField

ROOT = Path(__file__).parent.parent

GOOD = [
    "می‌خواهم",
    "क्‍ष",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "❤️",
    "👍🏽",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "שלום",
    "مرحبا",
    "Zoë d’Aubigné",
    "日本語",
    "ไทย",
]
BAD = [
    "\x00",
    "\x07",
    "\x1b",
    "\x7f",
    "\x9b",
    "\u202e",
    "\u202a",
    "\u2066",
    "\u2069",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\u200e",
    "\U000e0041",
    "\ud800",
    "\u061c",
]
marks = st.text(alphabet=st.sampled_from("ae\u0301\u0323\u0308\u0344\u0327\u0e38가\u1100\u1161ﬁ\ufc5eÅ"), max_size=80)


@pytest.mark.parametrize("text", GOOD)
def test_scripts_and_emoji_keep_what_they_need(text: str):
    assert one_line(text) == text == lines(text) == escaped(text)


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_seen_is_removed_and_shown_on_a_terminal(bad: str):
    assert one_line(f"a{bad}b") == "ab" == lines(f"a{bad}b")
    assert bad not in escaped(f"a{bad}b")
    assert escaped(f"a{bad}b").startswith("a\\")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_line_end_is_a_space_in_a_name_and_a_line_feed_in_a_text(end: str):
    assert one_line(f"a{end}b") == "a b"
    assert lines(f"a{end}b") == "a\nb"


def test_tabs_stay_in_texts_and_joiners_only_where_they_join():
    assert lines("a\tb") == "a\tb"
    assert one_line("a\u200db") == "ab" == lines("a\u200db")
    assert one_line("\u200cAda\u200d") == "Ada" == lines("\u200cAda\u200d")


@pytest.mark.parametrize("text", ["می\u200c{{فعل}}", "क्\u200d", "क्\u200d ष", "می\u200c.", "ه\u200d ه\u200d\u200c", "(\u200dب)"])
def test_a_joiner_beside_a_letter_that_uses_it_stays_in_a_text_before_a_variable_a_space_or_a_full_stop(text: str):
    assert lines(text) == text


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str):
    assert one_line(one_line(text)) == one_line(text)
    assert lines(lines(text)) == lines(text)
    assert "\n" not in one_line(text)


@given(marks, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_a_normal_form_is_the_one_of_unicode(text: str, form: str):
    long = text * (plain_text.SHORT // max(1, len(text)) + 1)
    assert normalized(form, long) == unicodedata.normalize(form, long)  # type: ignore[arg-type]


def test_a_long_run_of_marks_costs_a_moment():
    began = time.process_time()
    assert len(normalized("NFC", "\u0301\u0323" * 100_000)) == 200_000
    assert time.process_time() - began < 2


def test_marks_of_direction_stay_in_texts_with_letters_that_read_from_the_right_and_overrides_in_none():
    assert lines("שלום \u200fmixed\u200e") == "שלום \u200fmixed\u200e"
    assert lines("مرحبا\u061c!") == "مرحبا\u061c!"
    assert lines("abc\u200f") == "abc"
    assert one_line("שלום \u200fmixed\u200e") == "שלום mixed"
    assert lines("שלום \u202emixed\u2069") == "שלום mixed"
    assert escaped("שלום\u200f") == "שלום\\u200f"


# ───────── every form ─────────

PARSED = (forms.UUIDField, LineField, LinesField, AddressField)  # what is cleaned, and what is no text once it is read
AS_TYPED: dict[str, str] = {
    "ConnectionForm.key": "a secret is what the provider gave; it is never shown",
    "ShareForm.password": "a password is what was typed; it is kept as a hash",
    "Welcome.password1": "a password",
    "Welcome.password2": "a password",
    "SetPassword.password1": "a password",
    "SetPassword.password2": "a password",
    "ResetPassword.password1": "a password",
    "ResetPassword.password2": "a password",
    "ChangePassword.oldpassword": "a password",
    "ChangePassword.password1": "a password",
    "ChangePassword.password2": "a password",
    "SignIn.password": "a password",
    "AskReset.email": "looked for, never kept: the letter goes to the address of the person who was found",
    "PressForm.undo": "our own words, read back letter by letter",
    "ReviewForm.undo": "our own words, read back letter by letter",
    "ManyForm.undo": "our own words, read back letter by letter",
    "ChosenForm.undo": "our own words, read back letter by letter",
    "SettleForm.alert": "never kept: compared, word by word, with the alert that is stored, which may be older than the rule",
    "PressForm.query": "a query, of which known filters alone are read",
}


def every_form() -> set[type[forms.BaseForm]]:
    """All form classes of the product; each module is imported, because one that no page has loaded yet would be missed."""
    for module in pkgutil.walk_packages(studio.__path__, "studio."):
        if not re.search(r"\.(migrations|wsgi|settings|serving|host|tasks)\b", module.name):
            importlib.import_module(module.name)
    found: set[type[forms.BaseForm]] = set()
    waiting: list[type[Any]] = [forms.BaseForm]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found |= {form for form in below if form.__module__.startswith("studio.")}
    return found


def test_every_text_field_of_every_form_is_cleaned_or_says_why_not():
    left = {
        f"{form.__name__}.{name}"
        for form in every_form()
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field, forms.CharField) and not isinstance(field, PARSED)
    }

    assert left == set(AS_TYPED)


def test_no_form_makes_a_text_field_of_its_own_by_another_name():
    """A field that is made in a function or while a form is built stands in no class."""
    written = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "studio").rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"forms\.(CharField|EmailField|SlugField|URLField|RegexField|JSONField)\(", line) and not line.startswith("class ")
    }

    assert {re.sub(r"^.*?: (\w+) = .*", r"\1", line) for line in written} == {"key", "password", "password1", "password2", "undo", "query", "alert"}


# ───────── every letter ─────────

LETTERS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "templates").glob("*/email/*.txt"))
NO_NAMES = {
    **dict.fromkeys(["address", "password_reset_url"], "our own link"),
    **dict.fromkeys(["team", "shell.team"], "a setting of the operator's"),
    **dict.fromkeys(["number", "more", "days", "number|pluralize", "days|pluralize"], "a number"),
    **dict.fromkeys(["asked.amount|credits", "asked.answer_amount|credits"], "a number"),
    **dict.fromkeys(["row.job.code", "line.code", "line.clock.short"], "ours: a code, a time"),
    **dict.fromkeys(["stop.last_error", "row.alert", "asked.note", "asked.reason"], "a text that may hold an address, and says whose it is"),
    **dict.fromkeys(["by", "project"], "made no link before the letter is written, as test_outgoing_mail shows"),
    "email": "an address that was proved to be one",
}


@pytest.mark.parametrize("letter", LETTERS)
def test_every_name_in_a_letter_is_made_no_link(letter: str):
    told = re.findall(r"{{ ?(.*?) ?}}", (ROOT / letter).read_text())

    assert [fact for fact in told if not fact.endswith("|unlinked") and fact not in NO_NAMES] == []
