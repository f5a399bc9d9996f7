"""Numbers for style sheets as classes, because the content policy forbids `style` attributes: `values("p", 0.64)` is "v-p vw0 vh64 vt0".

A number is a sum of three parts, each with a class in static/css/values.css: whole, hundredths and ten-thousandths. The class of the name
adds them up as the custom property of that name, so `.v-p` sets `--p`. `sheet()` is the whole file; write it with

    python -c "from studio.web.css_values import sheet; print(sheet(), end='')" > static/css/values.css
"""

NAMES = ("ah", "ar", "at", "n", "nth", "p", "share", "v", "w")  # custom properties that templates set
MOST = 360  # the largest whole part: a hue
PRECISION = 10_000


def values(name: str, number: float) -> str:
    """The classes that set `--name` to this number, to four decimals; what is below 0 or above 360 counts as these. Raises ValueError for another name."""
    if name not in NAMES:
        raise ValueError(f"--{name} is not in studio.web.css_values.NAMES.")
    whole, rest = divmod(round(min(max(number, 0), MOST) * PRECISION), PRECISION)
    hundredths, ten_thousandths = divmod(rest, 100)
    return f"v-{name} vw{whole} vh{hundredths} vt{ten_thousandths}"


def sheet() -> str:
    """The text of static/css/values.css."""
    lines = ["/* Written by studio/web/css_values.py. Numbers that templates set: each part of a number is a class. */", "@layer components {"]
    lines += [f"  .v-{name} {{ --{name}: calc(var(--vw) + var(--vh) + var(--vt)); }}" for name in NAMES]
    lines += [f"  .vw{part} {{ --vw: {part}; }}" for part in range(MOST + 1)]
    lines += [f"  .vh{part} {{ --vh: {part / 100:g}; }}" for part in range(100)]
    lines += [f"  .vt{part} {{ --vt: {part / PRECISION:.4f}; }}" for part in range(100)]
    return "\n".join([*lines, "}"]) + "\n"
