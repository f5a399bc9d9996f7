"""What axe finds on a page, and pages that scroll sideways."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.long_run import LONG

AXE = (Path(__file__).parent.parent / "vendor/axe/axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LAYOUTS: list[tuple[int, Literal["dark", "light"]]] = [(390, "light"), (1440, "dark")]
WIDTHS = (320, 600, 768, 1024, 1280, 1920) if LONG else (320, 768, 1024)  # beside those of LAYOUTS
LOADED = "() => !document.querySelector('.htmx-request')"
# Switch off transitions: axe would measure colours in mid-fade. Our content policy allows a constructed style sheet.
AT_ONCE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, ::before, ::after { transition: none !important }");
  document.adoptedStyleSheets.push(sheet);
}"""
# Of rows that are built alike only the first three: a page with everybody grows with the people of each test.
AXE_RUN = """async (runOnly) => {
  for (const one of document.getAnimations()) if (one.playState === "running" && one.effect?.getComputedTiming().endTime < 5000) one.finish();
  const seen = {}, parts = (row) => [...row.querySelectorAll("*")].map((one) => one.tagName + one.className + one.matches(":disabled, :checked"));
  for (const row of document.querySelectorAll("tbody > tr")) {
    const kind = row.className + parts(row);
    row.toggleAttribute("data-seen", (seen[kind] = (seen[kind] ?? 0) + 1) > 3);
  }
  const context = { include: [["html"]], exclude: [["[data-seen]"]] };
  return (await axe.run(context, { runOnly, resultTypes: ["violations"] })).violations;
}"""
TOO_WIDE = """async () => {  // what is too wide, once what was resized has come to rest
  for (let turn = 0; turn < 20 && document.documentElement.scrollWidth > innerWidth; turn++) await new Promise(requestAnimationFrame);
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const over = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
  return over.slice(0, 5).map((one) => one.outerHTML.slice(0, 120)).concat(document.documentElement.scrollWidth);
}"""


def violations(page: Page) -> list[str]:
    """What axe finds, twice: a page that was swapped or resized during the scan is scanned again, and a real violation stays."""
    first = _scan(page)
    return [found for found in _scan(page) if found in first] if first else []


def violations_everywhere(page: Page) -> list[str]:
    """What axe finds and what scrolls sideways, light on a phone and dark on a laptop: a theme changes colours, a width the layout.

    Leaves the page in the last of the two.
    """
    found = []
    for width, theme in LAYOUTS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += [*violations(page), *_too_wide(page, width)]
    return found


def scan(page: Page, paths: Iterable[str]) -> list[str]:
    """Visit each of these pages: its violations as `violations_everywhere` finds them, and every one of WIDTHS at which it scrolls sideways."""
    found = []
    for path in paths:
        page.goto(path)
        found += violations_everywhere(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            found += _too_wide(page, width)
    return found


def _too_wide(page: Page, width: int) -> list[str]:
    """What sticks out of a window of this width, which the page has."""
    wide = page.evaluate(TOO_WIDE)
    return [f"{page.url} scrolls sideways at {width}: {wide}"] if wide else []


def _scan(page: Page) -> list[str]:
    if not page.evaluate(LOADED):
        page.wait_for_function(LOADED)  # whose limit an evaluated promise would not have
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
        page.evaluate(AT_ONCE)
    found = page.evaluate(AXE_RUN, TAGS)
    return [f"{page.url} {violation['id']}: {node['html'][:120]} {node['failureSummary']}" for violation in found for node in violation["nodes"]]
