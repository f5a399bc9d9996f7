"""Tags and filters that every template may use: icons, marks, pictures of people, figures in words, scripts."""

import json
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.forms import BoundField
from django.http import HttpRequest
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from studio.accounts.models import User
from studio.credits.figures import credits_text
from studio.plain_text import unlinked
from studio.providers.registry import PROVIDERS
from studio.web.css_values import values

register = template.Library()
register.filter("unlinked", lambda value: unlinked(str(value)))


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """A Lucide icon by name; more classes such as "i-14". The text beside it, or an aria-label, says what it means."""
    return format_html(
        '<svg class="i i--{}" aria-hidden="true"><use href="{}#{}"/></svg>', f"{name} {classes}".strip(), static("img/icons.svg"), name
    )


@register.simple_tag
def provider_mark(provider: str, *, sandbox: bool = False) -> SafeString:
    """A provider's shape in its colour; with a dashed ring where the sandbox played it. Write the name beside it."""
    return format_html('<span class="pv pv--{}{}" aria-hidden="true"></span>', provider, " pv--sandbox" if sandbox else "")


@register.filter
def provider_name(provider: str) -> str:
    """A provider's name for people: "xai" → "xAI". The key itself for one that was removed from the registry."""
    known = PROVIDERS.get(provider)
    return known.name if known else provider


@register.simple_tag
def avatar(user: User, classes: str = "") -> SafeString:
    """A person's initials on a colour of their own; their name for screen readers and as a tooltip."""
    return format_html(
        '<span class="{} {}" role="img" aria-label="{}" title="{}" data-i="{}"></span>',
        f"avatar {classes}".strip(),
        values("ah", user.hue),
        user,
        user,
        user.initials,
    )


@register.simple_tag
def cover(project: object, classes: str = "") -> SafeString:
    """A project's first letter on its colour. Takes anything with `hue` and `name`."""
    name = str(getattr(project, "name", ""))
    return format_html(
        '<span class="{} {}" data-i="{}" aria-hidden="true"></span>',
        f"cover {classes}".strip(),
        values("ah", getattr(project, "hue", 0)),
        name[:1].upper(),
    )


def sides(aspect_ratio: str) -> tuple[int, int]:
    """Width and height of "16:9"; 16 and 9 where the text is no ratio, such as empty for "the provider decides"."""
    width, _, height = aspect_ratio.partition(":")
    if width.isdecimal() and height.isdecimal() and int(width) and int(height):
        return int(width), int(height)
    return 16, 9


@register.simple_tag
def ratio(aspect_ratio: str, classes: str = "") -> SafeString:
    """A small frame in the shape of "16:9"."""
    width, height = sides(aspect_ratio)
    tall = "ar--tall" if height > width else ""
    return format_html('<span class="ar {} {} {}" aria-hidden="true"></span>', tall, classes, values("ar", width / height))


@register.simple_tag
def value(name: str, number: float | str | None, of: float | None = 1) -> str:
    """The classes that set the custom property `--name` to `number / of`: {% value "p" 0.64 %}. Nothing where one of them is not known."""
    return values(name, float(number) / of) if of and number not in {None, ""} else ""


@register.filter
def ratio_number(aspect_ratio: str) -> str:
    """The ratio as one number, "16:9" → "1.7778", for the justified wall."""
    width, height = sides(aspect_ratio)
    return f"{width / height:.4f}"


@register.filter(name="credits")
def credits_(millicredits: int | None) -> str:
    """Millicredits in credits: 1240000 → "1,240"; a dash where there is no figure."""
    return "–" if millicredits is None else credits_text(millicredits)


@register.filter
def thousands(number: int) -> str:
    """1240 → "1,240"."""
    return f"{number:,}"


@register.filter
def percent(share: float | None) -> str:
    """A share in whole per cent: 0.984 → "98 %"; a dash where there is none."""
    return "–" if share is None else f"{share:.0%}".replace("%", " %")


@register.filter
def drift(share: float | None) -> str:
    """By how much something is off, in whole per cent with its sign: 0.12 → "+12 %", 0 → "±0 %"; a dash where nothing is known."""
    if share is None:
        return "–"
    whole = round(share * 100)
    return f"{'+' if whole > 0 else '−' if whole < 0 else '±'}{abs(whole)} %"


@register.filter
def seconds_text(seconds: float | None) -> str:
    """A stretch of time: 94 → "1 min 34 s", 8 → "8 s", 7300 → "2 h 1 min"; a dash where there is none."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_rest = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_rest} min" if minutes_rest else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


@register.filter
def timecode(milliseconds: int) -> str:
    """The length of a clip: 8000 → "0:08"."""
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}:{seconds:02d}"


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's own element in our style: `input`, with the arrow of a `select` where it is one."""
    kind = "input select" if field.widget_type in {"select", "nullbooleanselect"} else "input"
    given = str(field.field.widget.attrs.get("class", ""))
    return field.as_widget(attrs={"class": f"{kind} {given}".strip()})


def modules() -> dict[str, str]:
    """Our modules: "app/toast" → its address, which holds the file's hash."""
    folder = finders.find("js")
    if not isinstance(folder, str):
        return {}
    return {f"app/{path.stem}": static(f"js/{path.name}") for path in sorted(Path(folder).glob("*.js"))}


modules_once = cache(modules)


def nonce_of(context: Context) -> str:
    """The nonce of this response. Asking for it puts it into the Content-Security-Policy header."""
    request = context.get("request")
    return str(getattr(request, "csp_nonce", "")) if isinstance(request, HttpRequest) else ""


@register.simple_tag(takes_context=True)
def importmap(context: Context) -> SafeString:
    """The import map of our modules. Must stand before the first module script."""
    table = json.dumps({"imports": modules() if settings.DEBUG else modules_once()}, separators=(",", ":")).replace("<", "\\u003c")
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce_of(context), mark_safe(table))  # noqa: S308 - addresses of our own files


@register.simple_tag(takes_context=True)
def module(context: Context, name: str) -> SafeString:
    """A script tag for one of our modules: {% module "pulse" %}. Pages work and show their pictures before any of them is there."""
    return format_html('<script type="module" fetchpriority="low" nonce="{}" src="{}"></script>', nonce_of(context), static(f"js/{name}.js"))
