"""What text from people and programs may hold, and its normal forms. Pure; knows no Django.

    one_line(text)    a name, a title, a header: no line ends, no tabs, no control characters
    lines(text)       a prompt, a comment, a reason: line feeds and tabs stay
    escaped(text)     for a terminal or a log: what cannot be seen is shown as its number
    normalized(...)   a Unicode normal form, in time that grows with the length of the text

Removed are C0 and C1 controls, characters that turn the reading direction for what follows, tags and half surrogates. Kept are the joiners of Persian and
Hindi, variation selectors, and the marks of emoji. In a text a joiner stays beside any letter that is not ASCII, also before a variable or a full stop;
in a name only between two of them, because elsewhere it makes two equal-looking names different. The marks of Hebrew and Arabic that give their
neighbours a direction stay in a text that has such letters, and in no name.
"""

import re
import unicodedata
from itertools import groupby

DOT = re.compile(r"(?<=[^\W_])[.\u3002\uff0e\uff61](?=\w{2,})")  # as hosts have them, also between letters of other scripts
SCHEME = re.compile(r"(?<=\w):(?=/|\w+@)|(?<=mailto):|(?<=javascript):")
ADDRESS_SIGN = re.compile(r"(?<=\S)@(?=\S)")
SHORT = 1_000  # characters up to which Python's own normalisation, quadratic in a run of marks, is quick
LINE_ENDS = re.compile("\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
MARKS = "\u061c\u200e\u200f"  # of the direction of what stands beside them; they turn nothing round that follows
DIRECTIONS = "\u202a-\u202e\u2066-\u206f"  # overrides, embeddings and isolates, which do
RIGHT_TO_LEFT = re.compile("[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
ANY_MARK = re.compile(f"[{MARKS}]")
ODD_END = re.compile("[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
LAST_BYTE = 0xFF
UNSEEN = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f{DIRECTIONS}\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\ud800-\udfff]")
TAGS = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"
)  # letters that nobody sees, but in the flags of Scotland and Wales
JOINERS = "[\u200c\u200d]"
ASCII_OR_SPACE = "[\\s\\x00-\\x7f]"
ALONE = re.compile(f"(?:(?<={ASCII_OR_SPACE})|^){JOINERS}+(?={ASCII_OR_SPACE}|$)|(?<={JOINERS}{{3}}){JOINERS}+")  # joiners of nothing
AT_AN_EDGE = re.compile(
    f"(?:(?<={ASCII_OR_SPACE})|^){JOINERS}+|{JOINERS}+(?={ASCII_OR_SPACE}|$)|(?<={JOINERS}){JOINERS}+"
)  # that join one side alone


def one_line(text: str) -> str:
    """The text on one line with single spaces, without what cannot be seen."""
    return " ".join(AT_AN_EDGE.sub("", ANY_MARK.sub("", lines(LINE_ENDS.sub(" ", text)))).split())


def lines(text: str) -> str:
    """The text with line feeds at its line ends, without what cannot be seen. The second pass finds what the first one brought together."""
    seen = TAGS.sub("", UNSEEN.sub("", LINE_ENDS.sub("\n", text)))
    seen = seen if RIGHT_TO_LEFT.search(seen) else ANY_MARK.sub("", seen)
    return ALONE.sub("", seen)


def escaped(text: str) -> str:
    """The text with each character that `one_line` removes, and each odd line end, as its number, such as x1b. Line feeds and tabs stay."""
    for odd in (UNSEEN, ANY_MARK, TAGS, ODD_END):
        text = odd.sub(_numbers, text)
    return text


def _numbers(found: re.Match[str]) -> str:
    return "".join(f"\\x{ord(letter):02x}" if ord(letter) <= LAST_BYTE else f"\\u{ord(letter):04x}" for letter in found[0])


def normalized(form: str, text: str) -> str:
    """What `unicodedata.normalize` says, in time that grows with the text. It sorts a run of marks by insertion, which takes hours for some megabytes;
    marks that are sorted already cost it nothing.
    """
    if len(text) <= SHORT or text.isascii():
        return unicodedata.normalize(form, text)  # type: ignore[arg-type]
    return unicodedata.normalize(form, _sorted_marks("NFKD" if "K" in form else "NFD", text))  # type: ignore[arg-type]


def _sorted_marks(form: str, text: str) -> str:
    """The text taken apart, with each run of marks in the order that Unicode wants."""
    apart = text.translate({ord(letter): unicodedata.normalize(form, letter) for letter in set(text)})  # type: ignore[arg-type]
    runs = groupby(apart, key=lambda letter: unicodedata.combining(letter) > 0)
    return "".join("".join(sorted(run, key=unicodedata.combining)) if are_marks else "".join(run) for are_marks, run in runs)


def unlinked(text: str) -> str:
    """A name on one line that no mail program makes a link of: `evil[.]example`, `http[:]//`, `me[at]example`."""
    return ADDRESS_SIGN.sub("[at]", SCHEME.sub("[:]", DOT.sub("[.]", one_line(text))))
