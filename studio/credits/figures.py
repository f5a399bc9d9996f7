"""Credits as people write and read them, and as the ledger keeps them. Pure.

A credit is 1,000 millicredits; the ledger keeps whole millicredits, people see credits with up to three decimals.
"""

import re
from decimal import ROUND_HALF_UP, Decimal

PER_CREDIT = 1_000
LARGEST = 1_000_000_000 * PER_CREDIT  # of one movement, in millicredits: far above any team's money, far below what a BIGINT holds
SHAPE = re.compile(r"([+\-\u2212]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]*))?")
DECIMALS = 3


def credits_text(millicredits: int) -> str:
    """Exact credits for a page: `1,240`, `38.5`, `−0.001`."""
    whole, part = divmod(abs(millicredits), PER_CREDIT)
    decimals = f".{part:03d}".rstrip("0").rstrip(".")
    return f"{'−' if millicredits < 0 else ''}{whole:,}{decimals}"


def usd_text(millicredits: int, credit_usd: float) -> str:
    """What these millicredits are worth, in US dollars and cents: `$126.14`, `−$0.50`."""
    cents = (Decimal(millicredits) / PER_CREDIT * Decimal(str(credit_usd))).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{'−' if cents < 0 else ''}${abs(cents):,}"


def credits_cell(millicredits: int) -> str:
    """Exact credits for a spreadsheet, which reads it as a number: `1240`, `-38.5`."""
    return credits_text(millicredits).replace(",", "").replace("−", "-")


def parse_credits(text: str) -> int:
    """The millicredits that somebody typed as credits: `1,000.5` is 1,000,500. Raises ValueError with a sentence for them."""
    written = text.strip()
    if not written:
        raise ValueError("Enter a number of credits, such as 500 or 38.5.")
    shape = SHAPE.fullmatch(written)
    if shape is None:
        raise ValueError(_what_is_wrong(written))
    sign, whole, decimals = shape[1], shape[2].replace(",", ""), (shape[3] or "").rstrip("0")
    if len(decimals) > DECIMALS:
        raise ValueError(f"Credits have at most {DECIMALS} decimals.")
    if len(whole.lstrip("0")) > len(str(LARGEST)):
        raise ValueError(_too_much())
    millicredits = int(whole) * PER_CREDIT + int(decimals.ljust(DECIMALS, "0"))
    if millicredits > LARGEST:
        raise ValueError(_too_much())
    return millicredits if sign in {"", "+"} else -millicredits


def _too_much() -> str:
    return f"At most {credits_text(LARGEST)} credits can be moved at once."


def _what_is_wrong(written: str) -> str:
    """Why this is not a number of credits."""
    if re.fullmatch(r"[+\-\u2212]?[0-9.,]*,[0-9.,]*", written):
        return "A comma separates thousands, as in 1,000. Write decimals with a point, as in 38.5."
    return "Use digits only, with a point for decimals, such as 500 or 38.5."
