"""How text is folded and taken apart for a search. Pure. PostgreSQL has the same rules as functions, made from the same tables (functions.py).

Folded text has small letters, no accents, one form of each letter (full width, composed or not), and single spaces.

    grams   every three letters in a row: a search for any part of a text (names, addresses, reasons)
    words   whole words; scripts without spaces, and signs, as grams: a search for words (the wall)
"""

import re
from dataclasses import dataclass

from studio.plain_text import normalized

LONGEST_TEXT = 100_000  # characters of a text that are searched
LONGEST_WORD = 60  # characters
GRAM = 3  # characters
MOST_GRAMS = 120  # of one search

# Ranges of code points. They are written down and not asked of Python, because an index holds what they made of a text, and PostgreSQL must do the same.
DROPPED = (  # accents of Latin, Greek, Cyrillic, Hebrew and Arabic; marks that nobody sees
    "00AD 0300-036F 0483-0489 0591-05BD 05BF 05C1-05C2 05C4-05C5 05C7 0610-061A 061C 0640 064B-065F 0670 06D6-06DC 06DF-06E4 06E7-06E8 06EA-06ED 180B-180F "
    "1AB0-1AFF 1DC0-1DFF 200B-200F 202A-202E 2060-206F 20D0-20FF FE00-FE0F FE20-FE2F FEFF 1F3FB-1F3FF E0000-E0FFF"
)
SPACES = "0000-0020 007F-00A0 1680 2000-200A 2028-2029 202F 205F 3000"
SPACELESS = (  # scripts that put no space between words (and Korean, which joins particles to them), with the signs that people search for
    "00A2-00A5 00A7 00A9 00AE 00B0-00B1 00D7 00F7 0E01-0E7F 0E81-0EFF 0F00-0FFF 1000-1049 1050-109D 1100-11FF 1780-17D3 17D7 17DB-17FF 1950-19DD 19E0-19FF "
    "1A20-1A9F 1B00-1B59 1B61-1B73 20A0-20CF 2100-2307 230C-2767 2776-27C4 27C7-27E5 27F0-2982 2999-29D7 29DC-29FB 29FE-2BFF 2E80-2FDF 3005-3007 3012-3013 "
    "3021-302F 3031-3036 3038-303C 303E-303F 3041-309F 30A1-30FA 30FC-31FF 3200-4DBF 4E00-A48F A490-A4C6 A960-A97F A980-A9C0 A9CF-A9DD A9E0-A9FF AA60-AAFF "
    "AC00-D7FF F900-FAFF 16FE3-18CFF 1AFF0-1B2FF 1F000-1F3FA 1F400-1FAFF 20000-3FFFF"
)
SEPARATORS = (  # what stands between words: punctuation, and signs of no meaning for a search
    "0000-002F 003A-0040 005B-0060 007B-00A1 00A6 00A8 00AB-00AC 00B4 00B6-00B8 00BB 00BF 02C2-02C5 02D2-02EB 02ED 02EF-02FF 0375 03F6 055A-055F 0589-058F "
    "05BE 05C0 05C3 05C6 05F3-060F 061B-061F 066A-066D 06D4 06DE 06E9 06FD-06FE 0700-070D 07F7-07F9 0830-083E 085E 0964-0965 0970 0AF0 0DF4 104A-104F 10FB "
    "1360-1368 1400 166D-166E 1680 169B-169C 16EB-16ED 1735-1736 17D4-17D6 17D8-17DA 1800-180A 1944-1945 19DE-19DF 1A1E-1A1F 1B5A-1B60 1C3B-1C3F 1C7E-1C7F "
    "1CC0-1CC7 2000-206F 2308-230B 2768-2775 27C5-27C6 27E6-27EF 2983-2998 29D8-29DB 29FC-29FD 2CF9-2CFF 2D70 2E00-2E7F 3000-3004 3008-3011 3014-3020 3030 "
    "3037 303D 30A0 30FB 4DC0-4DFF A4FE-A4FF A60D-A60F A673 A67E A6F2-A716 A874-A877 A8CE-A8CF A8F8-A8FA A92E-A92F A95F A9C1-A9CE A9DE-A9DF ABEB E000-F8FF "
    "FD3E-FD3F FE10-FE6F FFF0-FFFF"
)
LETTERS = {  # what takes no other form by itself; curved quotes and long dashes are those of the keyboard
    "ß": "ss", "æ": "ae", "œ": "oe", "ς": "σ", "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ħ": "h",
    "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "‐": "-", "‒": "-", "–": "-", "—": "-", "−": "-",
}  # fmt: skip


def ranges(table: str) -> list[tuple[int, int]]:
    """The first and the last code point of each range of a table."""
    pairs = (part.split("-") for part in table.split())
    return [(int(pair[0], 16), int(pair[-1], 16)) for pair in pairs]


def _class(*tables: str) -> str:
    """The inside of a class of characters, for Python's regular expressions."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for table in tables for first, last in ranges(table))


_DROPPED = re.compile(f"[{_class(DROPPED)}]+")
_SPACES = re.compile(f"[{_class(SPACES)}]+")
_RUNS = re.compile(f"[{_class(SPACELESS)}]+")
_BETWEEN_WORDS = re.compile(f"[{_class(SEPARATORS, SPACELESS)}]+")
_PARTS = re.compile(f"(?P<run>[{_class(SPACELESS)}]+)|[^{_class(SEPARATORS, SPACELESS)}]+")
_LETTERS = str.maketrans(LETTERS)


@dataclass(frozen=True, slots=True)
class Token:
    """What a search asks an index for: a whole token, or the beginning of one."""

    text: str
    is_beginning: bool = False


def fold(text: str) -> str:
    """The text in the one form in which texts are compared. Folding it again changes nothing."""
    if text.isascii():
        return _SPACES.sub(" ", text.lower()).strip(" ")
    plain = _DROPPED.sub("", normalized("NFKD", text)).lower().translate(_LETTERS)
    return _SPACES.sub(" ", normalized("NFC", plain)).strip(" ")


def grams(text: str) -> list[str]:
    """Three letters from each letter of the folded text on, fewer at its end; each once."""
    return _grams(_bounded(text))


def words(text: str) -> list[str]:
    """The words of the folded text, and the grams of each run of a script without spaces; each once."""
    folded = _bounded(text)
    whole = [word[:LONGEST_WORD] for word in _BETWEEN_WORDS.sub(" ", folded).split(" ") if word]
    return list(dict.fromkeys([*whole, *(gram for run in _RUNS.findall(folded) for gram in _grams(run))]))


def asked_grams(typed: str) -> list[Token]:
    """What an index of grams is asked for to find texts that contain this; nothing if there is nothing to search for."""
    return _asked(fold(typed))


def asked_words(typed: str, most: int) -> list[Token]:
    """What an index of words is asked for: the last word may be the beginning of one, a script without spaces is found anywhere. At most so many words."""
    parts = list(_PARTS.finditer(fold(typed)))[:most]
    tokens: list[Token] = []
    for part in parts:
        tokens += _asked(part[0]) if part["run"] else [Token(part[0][:LONGEST_WORD], is_beginning=part is parts[-1])]
    return list(dict.fromkeys(tokens))


def long_runs(typed: str, most: int) -> list[str]:
    """The runs of a script without spaces in a search that are longer than a gram: their grams may stand in a text without the run itself."""
    return [part[0] for part in list(_PARTS.finditer(fold(typed)))[:most] if part["run"] and len(part[0]) > GRAM]


def is_spaceless(folded: str) -> bool:
    """Whether a script without spaces, or a sign, is in the folded text."""
    return bool(_RUNS.search(folded))


def _bounded(text: str) -> str:
    """The folded text, cut before and after: one sign may become eighteen letters."""
    return fold(text[:LONGEST_TEXT])[:LONGEST_TEXT]


def _grams(folded: str) -> list[str]:
    return list(dict.fromkeys(folded[start : start + GRAM] for start in range(len(folded))))


def _asked(folded: str) -> list[Token]:
    """The grams that a text with this in it has: whole ones, or the beginning of one where this is shorter."""
    if len(folded) < GRAM:
        return [Token(folded, is_beginning=True)] if folded else []
    return [Token(folded[start : start + GRAM]) for start in range(min(len(folded) - GRAM + 1, MOST_GRAMS))]
