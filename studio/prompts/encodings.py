"""In which encoding a text file may be written: certain for Unicode, else a choice, the likeliest first. Pure.

A file of an old encoding does not say which one it is. Which letters it would hold is compared with what such texts have: the script's own letters, and
how many of them are its ten commonest. It is an order of likelihood and no answer: a person looks at the text and chooses.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

MARKS = (  # those of UTF-32 first: one begins as UTF-16's does
    *((b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32")),
    *((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")),
)
BEGINNING = 200  # bytes, in which a table or JSON has a sign of SIGNS
SIGNS = '\n\r\t ,;"{['  # between words, in every language
OFFICE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
LOOKED_AT = 20_000  # bytes by which the likelihood is judged
SHOWN = 3  # lines of a sample
SAMPLE = 160  # characters of a line of it
FEW_COMMON = 0.6  # of the letters of a text are the ten commonest ones of its language, or more
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
BINARY = 0.002  # of the bytes are control characters, or more

Measure = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One old encoding: Python's name, what people call it, and how plausible a text is for it, from 0 to 1."""

    codec: str
    name: str
    measure: Measure


@dataclass(frozen=True, slots=True)
class Reading:
    """The file in one encoding: a few of its lines, those with other letters than English ones first."""

    codec: str
    name: str
    sample: list[str]


def letters(own: str, common: str) -> Measure:
    """How many letters beyond ASCII are this script's own, and how many of those are its commonest. Words like tHIS, and words
    with English letters in them, count against it.
    """
    known, often = set(own + own.upper()), set(common + common.upper())

    def measure(text: str) -> float:
        found = [sign for sign in text if ord(sign) > 127 and sign.isalpha()]  # noqa: PLR2004 - the end of ASCII
        odd = sum(1 for sign in text if ord(sign) > 127 and not sign.isalpha() and sign not in "«»„“”‘’–—…№°·•€£§©®\u00a0")  # noqa: PLR2004 - as above
        if not found:
            return 0.0
        own_share = sum(sign in known for sign in found) / (len(found) + odd)
        common_share = sum(sign in often for sign in found) / len(found)
        mixed = len(re.findall(r"[A-Za-z][^\W\d_](?<=[^\x00-\x7f])|[^\W\d_](?<=[^\x00-\x7f])[A-Za-z]", text)) / len(found)
        turned = len(re.findall(r"[^\W\d_](?<=[a-zа-яёα-ωà-öø-ÿ])(?=[A-ZА-ЯЁΑ-ΩÀ-ÖØ-Þ])", text)) / len(found)
        return own_share * (0.5 + 0.5 * min(1.0, common_share / FEW_COMMON)) * max(0.0, 1 - 2 * turned - mixed)

    return measure


def accents(own: str) -> Measure:
    """How many letters beyond ASCII are this language's own; they stand between English ones and seldom three in a row."""
    known = set(own + own.upper())

    def measure(text: str) -> float:
        found = [sign for sign in text if ord(sign) > 127 and sign not in "«»„“”‘’–—…°·•€£§©®\u00a0"]  # noqa: PLR2004 - the end of ASCII
        if not found:
            return 0.5
        in_rows = sum(map(len, re.findall(r"[^\x00-\x7f\s«»„“”‘’–—…]{3,}", text))) / len(found)
        return sum(sign in known for sign in found) / len(found) * max(0.0, 1 - in_rows)

    return measure


def leads(codec: str, first: int, last: int, punctuation: int, also: str = "") -> Measure:
    """How many letters beyond ASCII stand where an East Asian table has its common ones: by their first byte in it, or because they are these."""
    places = {*range(first, last + 1), punctuation}

    def measure(text: str) -> float:
        found = [sign for sign in text if ord(sign) > 127]  # noqa: PLR2004 - the end of ASCII
        coded = [sign.encode(codec, "replace") for sign in found]
        usual = sum((len(code) > 1 and code[0] in places) or sign in also for sign, code in zip(found, coded, strict=True))
        return usual / len(found) if found else 0.0

    return measure


CYRILLIC = letters("абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґў", "оеаинтсрвл")
KANA = "".join(map(chr, range(0x3041, 0x30FF)))
ENCODINGS = (  # of two that are as likely, the first is shown first
    Encoding("cp1251", "Cyrillic (Windows-1251)", CYRILLIC),
    Encoding("cp949", "Korean (EUC-KR)", leads("euc_kr", 0xB0, 0xC8, 0xA1)),
    Encoding("gb18030", "Simplified Chinese (GBK, GB18030)", leads("gb2312", 0xB0, 0xD7, 0xA3, "、。·—…“”《》「」")),
    Encoding("cp950", "Traditional Chinese (Big5)", leads("big5", 0xA4, 0xC6, 0xA1)),
    Encoding("cp932", "Japanese (Shift-JIS)", leads("shift_jis", 0x88, 0x97, 0x81, KANA)),
    Encoding("euc_jp", "Japanese (EUC-JP)", leads("shift_jis", 0x88, 0x97, 0x81, KANA)),
    Encoding("cp1252", "Western European (Windows-1252)", accents("àáâãäåæçèéêëìíîïñòóôõöøùúûüÿßœ¿¡")),
    Encoding("cp1250", "Central European (Windows-1250)", accents("ąćęłńóśźżáčďéěíňřšťúůýžőűöüăâîșțäľĺŕôđ")),
    Encoding("cp1253", "Greek (Windows-1253)", letters("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ", "αοιετσνηυρ")),
    Encoding("cp1254", "Turkish (Windows-1254)", accents("çğıöşüâîûİ")),
    Encoding("cp1255", "Hebrew (Windows-1255)", letters("".join(map(chr, range(0x5D0, 0x5EB))), "יולאהמרתבש")),
    Encoding("cp1256", "Arabic (Windows-1256)", letters("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ", "اليمنوترهب")),
    Encoding("cp1257", "Baltic (Windows-1257)", accents("āčēģīķļņšūžąęėįųöäõü")),
    Encoding("cp874", "Thai (Windows-874)", letters("".join(map(chr, range(0xE01, 0xE5B))), "านรกอเงมยลวดท่้")),
    Encoding("koi8-r", "Cyrillic (KOI8-R)", CYRILLIC),
    Encoding("cp866", "Cyrillic (DOS)", CYRILLIC),
    Encoding("mac_roman", "Western European (Mac)", accents("àáâãäåæçèéêëìíîïñòóôõöøùúûüÿßœ¿¡")),
)
NAMES = {encoding.codec: encoding.name for encoding in ENCODINGS}


def unicode_of(data: bytes) -> str | None:
    """The text of a file in UTF-8 or UTF-16; None where it is in neither. Raises UnicodeDecodeError for a marked file that breaks off."""
    marked = next((encoding for mark, encoding in MARKS if data.startswith(mark)), "")
    unmarked = "" if marked else _unmarked(data)
    try:
        return data.decode(marked or unmarked or "utf-8")
    except UnicodeDecodeError:
        if marked or unmarked:
            raise
    return None


def _unmarked(data: bytes) -> str:
    """The kind of UTF-16 that a file without a mark is in; "" for none. In no other text are zeros; letters may have them on either side, signs on one."""
    if b"\0" not in data[:BEGINNING]:
        return ""
    texts = {codec: data[:LOOKED_AT].decode(codec, "replace") for codec in ("utf-16-le", "utf-16-be")}
    found = {codec: sum(map(text.count, SIGNS)) for codec, text in texts.items() if "\0" not in text}
    likeliest = max(found, key=lambda codec: found[codec], default="")
    return likeliest if found.get(likeliest) else ""


def is_spreadsheet(data: bytes) -> bool:
    """Whether this is a spreadsheet's or an office program's own file."""
    return data.startswith(OFFICE)


def is_binary(data: bytes) -> bool:
    """Whether this is no text in any old encoding."""
    return len(CONTROLS.findall(data[:LOOKED_AT])) > BINARY * len(data[:LOOKED_AT])


def text_in(data: bytes, codec: str) -> str | None:
    """The text in one of ENCODINGS; None for another name, or where it cannot be that one."""
    if codec not in NAMES:
        return None
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def readings(data: bytes) -> list[Reading]:
    """The file in each encoding that it can be in, the likeliest first."""
    texts = [(encoding, text) for encoding in ENCODINGS if (text := text_in(data, encoding.codec)) is not None]
    texts.sort(key=lambda pair: -pair[0].measure(pair[1][:LOOKED_AT]))
    return [Reading(encoding.codec, encoding.name, sample(text)) for encoding, text in texts]


def sample(text: str) -> list[str]:
    """A few lines by which a person sees whether the letters are right."""
    lines = [line for line in text[: 20 * LOOKED_AT].splitlines() if line.strip()]
    lines.sort(key=str.isascii)  # stable: the others first, in their order
    return [line[:SAMPLE] for line in lines[:SHOWN]]
