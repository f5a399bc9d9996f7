"""Rules for our own scripts: modules imported by their name in the import map, no code from text, no events of htmx 2."""

import re
from collections.abc import Iterator

from tests.lint.files import Rules, SourceFile, files, forbidden

# Event names of htmx 2: htmx 4 never sends them, so the listener never runs.
HTMX_2_EVENTS = (
    (r"htmx:(?:after|before)[A-Z]\w*", "separate the words with colons, as in htmx:after:swap"),
    (r"htmx:\w+Error", "write htmx:error, or htmx:response:error for an HTTP status"),
)

HTMX_2_DETAILS = (
    (r"detail\.xhr\b", "write detail.ctx.response"),
    (r"detail\.elt\b", "write detail.ctx.sourceElement"),
    (r"detail\.pathInfo\b", "write detail.ctx.request.action"),
    (r"detail\.requestConfig\b", "write detail.ctx.request"),
)

# The policy forbids all of these.
CODE_FROM_TEXT = (
    (r"\beval\(", "write the code itself, or read data with JSON.parse"),
    (r"new Function", "write a function"),
    (r"document\.write", "build the elements, or let the server render them"),
    (r"""setAttribute\(\s*["']on""", "listen with addEventListener"),
)


# What asks the server by another way than request.js: it would miss the end of a session and a new CSRF token.
ASKS = "static/js/request.js"
OTHER_WAYS = (
    (r"(?<![\w.])(?:window\.|globalThis\.)?fetch\(", 'ask with send() of "app/request"'),
    (r"\bXMLHttpRequest\b", 'ask with upload() of "app/request"'),
    (r"\b(?:sendBeacon|EventSource|WebSocket)\b", 'ask with send() of "app/request"'),
    (r"\.redirected\b", "read the status: a script is never redirected to the sign-in page"),
)


# What keeps something by another way than storage.js: another person in the same browser would find it.
KEEPS = "static/js/storage.js"
OTHER_PLACES = ((r"\blocalStorage\b|\bindexedDB\b|\bcaches\.", 'keep it with write() of "app/storage", under the name of its person'),)


def imports_are_in_the_import_map(file: SourceFile) -> Iterator[str]:
    names = {f"app/{script.name.removesuffix('.js')}" for script in files(file.root, "static/js/*.js")}
    for match in re.finditer(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""", file.text):
        if match[1] not in names:
            # A relative address lacks the hash that collectstatic puts into the file's name.
            yield file.at(match.start(), f'"{match[1]}": import a module of static/js by its name in the import map, as in "app/toast"')


def no_code_from_text(file: SourceFile) -> Iterator[str]:
    yield from forbidden(file, CODE_FROM_TEXT)


def no_htmx_2_events(file: SourceFile) -> Iterator[str]:
    yield from forbidden(file, HTMX_2_EVENTS)


def no_htmx_2_details(file: SourceFile) -> Iterator[str]:
    yield from forbidden(file, HTMX_2_DETAILS)


def only_one_module_asks_the_server(file: SourceFile) -> Iterator[str]:
    if file.path != ASKS:
        yield from forbidden(file, OTHER_WAYS)


def only_one_module_keeps_something_in_the_browser(file: SourceFile) -> Iterator[str]:
    if file.path != KEEPS:
        yield from forbidden(file, OTHER_PLACES)


def a_module_starts_with_its_purpose(file: SourceFile) -> Iterator[str]:
    if not file.text.startswith("// "):
        yield file.on(1, "start the module with a // comment that says what it is for")


RULES: Rules = {
    "static/js/*.js": (
        imports_are_in_the_import_map,
        no_code_from_text,
        no_htmx_2_events,
        no_htmx_2_details,
        only_one_module_asks_the_server,
        only_one_module_keeps_something_in_the_browser,
        a_module_starts_with_its_purpose,
    )
}
