"""What forms take from text that people type."""

import pytest

from studio.web.text_fields import AddressField, LineField, LinesField

EVIL = "\x1b[31mA\u202e\r\nb\x07\u200b\tc"


def test_a_name_is_one_line_of_what_can_be_seen():
    assert LineField().clean(EVIL.replace("\x1b[31m", "\x1b")) == "A b c"


def test_a_text_keeps_its_lines_and_tabs():
    assert LinesField().clean(EVIL) == "[31mA\nb\tc"


@pytest.mark.parametrize("name", ["می‌خواهم", "👨‍👩‍👧‍👦", "क्‍ष"])
def test_scripts_and_emoji_survive(name: str):
    assert LineField().clean(name) == name == LinesField().clean(name)


def test_a_name_of_nothing_that_can_be_seen_is_missing():
    with pytest.raises(Exception, match="required"):
        LineField().clean("\x1b\u202e\u200b")


@pytest.mark.parametrize("odd", ["\u202e", "\u200b", "\u2066", "\ufeff", "\u061c"])
def test_an_e_mail_address_has_no_characters_that_nobody_sees(odd: str):
    assert AddressField().clean(f" al@exa{odd}mple.org{odd}") == "al@example.org"
