"""The linter itself: each rule reports its bad examples and accepts its good one, each rule runs, and a finding fails the check."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lint import exports, queries, scripts, styles, templates, threat_model, vendored
from tests.lint.__main__ import MODULES
from tests.lint.files import Rule, SourceFile

REPOSITORY = Path(__file__).resolve().parent.parent.parent

# A tree without findings. An example replaces or adds one file.
CLEAN = {
    "templates/home.html": '{% icon "check" %}\n',
    "static/img/icons.svg": '<svg><symbol id="check"></symbol></svg>\n',
    "static/css/tokens.css": "@layer tokens { :root { --ink: black; } }\n",
    "static/js/app.js": "// Starts the page.\n",
    "studio/people.py": "found = containing(people, typed)\n",
    ".ci/vendor.lock.json": '{"htmx.org": {"files": {"static/vendor/htmx/LICENSE": {}}}}\n',
    "tests/test_door.py": "def test_closed(day: str):\n    assert True\n",
    "SECURITY.md": "# Security\n\n## Threat model\n\n* Can knock.\n* Cannot enter (`tests/test_door.py::test_closed`).\n",
}


class Example(NamedTuple):
    """The file that a rule reads: each bad text has one finding, the good one none."""

    path: str
    bad: tuple[str, ...]
    good: str


HTMX_2_ATTRIBUTES = (
    '<div hx-ext="ptag">',
    '<form hx-disabled-elt="find button">',
    """<div hx-vars='{"a": 1}'>""",
    '<div hx-params="*">',
    """<div hx-request='{"timeout": 1}'>""",
    '<div hx-get="/x" hx-swap="morph:outerHTML">',
    '<div sse-connect="/live">',
    '<div hx-sse="connect:/live">',
    '<div ws-connect="/live">',
    '<div hx-ws="connect:/live">',
    '<div hx-history="false">',
    '<div hx-prompt="Why?">',
    '<div hx-trigger="htmx:afterSwap">',
    '<div hx-trigger="htmx:beforeRequest">',
    '<div hx-trigger="htmx:responseError">',
)

EXAMPLES: dict[Rule, Example] = {
    exports.every_csv_has_one_writer: Example(
        "studio/jobs/a.py",
        ("writer = csv.writer(file)", "csv.DictWriter(file, names)", 'HttpResponse(lines, content_type="text/csv")'),
        "rows = csv.reader(file); sheet('a', header, rows)",
    ),
    queries.text_is_compared_by_text_search: Example(
        "studio/jobs/a.py",
        (
            "Q(name__icontains=typed)",
            'rows.filter(**{"email__iexact": typed})',
            "rows.filter(search__contains=word)",
            "rows.filter(reference__istartswith=key)",
        ),
        "rows.filter(reference__startswith=key, prompt__has=word)",
    ),
    templates.icons_are_in_the_sprite: Example("templates/a.html", ('{% icon "missing" %}',), '{% icon "check" "large" %}'),
    templates.no_htmx_2: Example("templates/a.html", HTMX_2_ATTRIBUTES, '<form hx-post="/x" hx-disable="find button" hx-swap="outerMorph">'),
    templates.no_htmx_attributes_that_need_eval: Example(
        "templates/a.html",
        (
            '<div hx-on:click="go()">',
            '<div hx-on::after-swap="go()">',
            '<div hx-on="click: go()">',
            '<div hx-get="/x" hx-trigger="every 2s [busy]">',
            "<div hx-get='/x' hx-trigger='every 2s [busy]'>",
            '<div hx-get="/x" hx-vals="js:{a: 1}">',
        ),
        """<input name="a[]" hx-get="/x" hx-trigger="every 2s" hx-vals='{"a": [1]}'>""",
    ),
    templates.inheritance_is_explicit: Example(
        "templates/a.html",
        tuple(f'<div {name}="x"><button hx-get="/x"></button></div>' for name in sorted(templates.INHERITED_IN_HTMX_2)),
        '<div hx-target:inherited="#a"><button hx-get="/x" hx-swap="none"></button></div><hx-partial hx-target="#b"></hx-partial>',
    ),
    templates.no_inline_handlers: Example("templates/a.html", ('<button onclick="go()">',), '<button data-onclick="go" open>'),
    templates.no_style_elements: Example("templates/a.html", ("<style>a {}</style>", '<style nonce="{{ CSP_NONCE }}">'), '<p class="style">'),
    templates.no_inline_scripts: Example("templates/a.html", ("<script>go()</script>",), """<script src="{% static 'js/app.js' %}"></script>"""),
    templates.no_javascript_addresses: Example(
        "templates/a.html", ('<a href="javascript:go()">', '<a href=" JavaScript:go()">'), '<a href="/javascript:">'
    ),
    templates.no_inline_styles: Example(
        "templates/a.html", ('<p style="color: red">', '<p style="--a: {{ a }}">', "<p STYLE=''>"), '<p class="{% value "p" share %}" data-style="a">'
    ),
    templates.images_have_an_alt_attribute: Example(
        "templates/a.html", ('<img src="/x">', '<img src="/x" />'), '<img src="/x" alt=""><img alt="A red kite">'
    ),
    templates.dialog_buttons_submit_no_form: Example(
        "templates/a.html",
        ('<button commandfor="d">', '<button type="submit" commandfor="d">'),
        '<button type="button" commandfor="d"></button><button>Save</button>',
    ),
    templates.fragments_list_their_variables: Example(
        "templates/jobs/_a.html", ("", "{# One job. #}", "<p>\n{# One job. Variables: job. #}"), "{# One job. Variables: job. #}\n<p>"
    ),
    templates.scripts_and_sheets_are_our_own: Example(
        "templates/a.html",
        (
            '<script src="https://cdn.example/x.js"></script>',
            "<script defer src='//cdn.example/x.js'></script>",
            '<link rel="stylesheet" href="https://cdn.example/x.css">',
            '<link rel="icon"\n href=https://cdn.example/x.svg>',
            '<link href="/static/css/base.css">',
        ),
        """<script defer src="{% static 'js/app.js' %}"></script><link href="{% url 'manifest' %}"><a href="https://example.org">""",
    ),
    styles.custom_properties_are_set_somewhere: Example(
        "static/css/a.css",
        ("a { color: var(--inc); }", "a { color: var( --inc, red); } /* --inc: red; */"),
        "a { --own: 1; color: var(--ink); top: var(--own) }",
    ),
    styles.a_sheet_has_one_layer: Example(
        "static/css/a.css", ("@layer base { } @layer layout { }",), "@layer tokens { } @layer base { } @layer base { } /* @layer layout { } */"
    ),
    styles.layers_are_the_declared_ones: Example("static/css/a.css", ("@layer theme { }",), "@layer components { }"),
    styles.braces_match: Example("static/css/a.css", ("a { b { }", "a { } }"), 'a::before { content: "{"; } /* { */'),
    styles.light_dark_holds_only_colours: Example(
        "static/css/a.css",
        ("a { box-shadow: light-dark(0 1px 2px #ddd, none); }", "a { box-shadow: light-dark(0 0 .5rem rgb(0 0 0), none); }"),
        "a { box-shadow: 0 1px 2px light-dark(rgb(0 0 0 / 10%), #000); }",
    ),
    styles.directions_are_logical: Example(
        "static/css/a.css",
        tuple(f"a {{ {name}: 1px; }}" for name in ("margin-left", "padding-right", "border-top", "margin-bottom", "width", "height")),
        "a { margin-inline-start: 1px; max-width: 1px; min-height: 1px; inline-size: 1px; /* width: 1px; */ }",
    ),
    scripts.imports_are_in_the_import_map: Example(
        "static/js/a.js",
        ('import "./app.js";', 'import { go } from "app/missing";', "const a = await import('/static/js/app.js');"),
        'import { go } from "app/app";\nconst a = await import("app/a");',
    ),
    scripts.no_code_from_text: Example(
        "static/js/a.js",
        ('eval("1")', 'new Function("return 1")', 'document.write("<p>")', 'a.setAttribute("onclick", "go()")'),
        'retrieval("1"); a.setAttribute("data-on", "1");',
    ),
    scripts.no_htmx_2_events: Example(
        "static/js/a.js", ('on("htmx:afterSwap")', 'on("htmx:beforeRequest")', 'on("htmx:sendError")'), 'on("htmx:after:swap")'
    ),
    scripts.no_htmx_2_details: Example(
        "static/js/a.js", ("e.detail.xhr", "e.detail.elt", "e.detail.pathInfo", "e.detail.requestConfig"), "e.detail.ctx.response"
    ),
    scripts.only_one_module_asks_the_server: Example(
        "static/js/a.js",
        ('fetch("/x")', 'await window.fetch("/x")', "new XMLHttpRequest()", "navigator.sendBeacon(x)", 'new EventSource("/x")', "answer.redirected"),
        'prefetch("/x"); it.fetch(); ctx.fetch = send; await send("/x");',
    ),
    scripts.only_one_module_keeps_something_in_the_browser: Example(
        "static/js/a.js",
        ('localStorage.setItem("a", "b")', "window.localStorage", 'caches.open("a")', "indexedDB.open(x)"),
        'write("a", "b"); sessionStorage.clear();',
    ),
    scripts.a_module_starts_with_its_purpose: Example("static/js/a.js", ("", "go();\n// Starts the page."), "// Starts the page.\ngo();"),
    threat_model.the_threat_model_is_there: Example(
        "SECURITY.md",
        ("", "# Security\n\n* Can knock.\n", "## Threat model\n\n## Threat model of others\n\n* Can knock.\n"),
        "## Threat model\n\n* Can knock.\n",
    ),
    threat_model.sentences_begin_with_can_or_cannot: Example(
        "SECURITY.md",
        ("## Threat model\n\n* Nobody enters.\n", "## Threat model\n\n* Can knock.\n* Can't enter.\n"),
        "* May.\n## Threat model\n\n* Can knock.\n## More\n* May.\n",
    ),
    threat_model.what_cannot_be_done_names_its_test: Example(
        "SECURITY.md",
        ("## Threat model\n\n* Cannot enter.\n", "## Threat model\n\n* Cannot enter (tests/test_door.py).\n* Can knock (`tests/a.py::test_a`).\n"),
        "## Threat model\n\n* Can knock.\n* Cannot enter\n  (`tests/test_door.py::test_closed`).\n",
    ),
    threat_model.named_tests_exist: Example(
        "SECURITY.md",
        ("(`tests/test_door.py::test_close`)", "(`tests/test_window.py::test_closed`)", "(`tests/test_door.py::closed`)"),
        "(`tests/test_door.py::test_closed`)",
    ),
    vendored.packages_include_their_licence: Example(
        ".ci/vendor.lock.json", ('{"a": {"files": {"static/vendor/a/a.js": {}}}}',), '{"a": {"files": {"static/vendor/a/LICENSE": {}}}}'
    ),
    vendored.no_source_map_addresses: Example("static/vendor/a/a.js", ("go();\n//# sourceMappingURL=a.js.map",), "go();"),
}

ALL_RULES = [
    rule
    for module in (exports, queries, templates, styles, scripts, threat_model, vendored)
    for _, rule in inspect.getmembers(module, inspect.isgeneratorfunction)
    if rule.__module__ == module.__name__
]


def write(root: Path, texts: dict[str, str]) -> Path:
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def run_linter(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.lint"], cwd=root, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.__name__)
def test_a_rule_reports_each_bad_example_and_accepts_the_good_one(rule: Rule, tmp_path: Path):
    path, bad, good = EXAMPLES[rule]

    def findings(name: str, text: str) -> list[str]:
        return list(rule(SourceFile(write(tmp_path / name, {**CLEAN, path: text}), path, text)))

    assert {text: len(findings(f"bad {number}", text)) for number, text in enumerate(bad)} == dict.fromkeys(bad, 1)
    assert findings("good", good) == []


def test_every_rule_has_a_bad_and_a_good_example():
    assert set(EXAMPLES) == set(ALL_RULES)
    assert [rule.__name__ for rule, example in EXAMPLES.items() if not example.bad] == []


def test_the_linter_runs_every_rule_once():
    run = [rule for module in MODULES for rules in module.RULES.values() for rule in rules]
    assert sorted(rule.__name__ for rule in run) == sorted(rule.__name__ for rule in ALL_RULES)


def test_the_linter_runs_every_module_with_rules():
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")} - {"__init__", "__main__", "files", "test_lint"}
    assert {module.__name__.rpartition(".")[2] for module in MODULES} == modules


def test_a_finding_names_the_line_after_tags_and_comments_of_several_lines(tmp_path: Path):
    page = SourceFile(tmp_path, "templates/a.html", '{# One\ntwo #}\n<div\n class="a">\n<img src="/x">')
    sheet = SourceFile(tmp_path, "static/css/a.css", "/* one\ntwo */\na {\n  width: 1px;\n}")

    assert next(templates.images_have_an_alt_attribute(page)).startswith("templates/a.html:5: ")
    assert next(styles.directions_are_logical(sheet)).startswith("static/css/a.css:4: ")


def test_a_clean_tree_passes_the_check(tmp_path: Path):
    done = run_linter(write(tmp_path, CLEAN))

    assert (done.returncode, done.stdout) == (0, "6 files, 0 findings\n")


def test_one_bad_file_fails_the_check_and_every_finding_is_printed(tmp_path: Path):
    done = run_linter(write(tmp_path, {**CLEAN, "templates/bad.html": '<img src="/x">\n<img src="/y">\n'}))

    assert done.returncode == 1
    first, second, closing = done.stdout.splitlines()
    assert first.startswith("templates/bad.html:1: <img>: ")
    assert second.startswith("templates/bad.html:2: <img>: ")
    assert closing == "7 files, 2 findings"


def test_a_folder_without_files_fails_the_check(tmp_path: Path):
    done = run_linter(write(tmp_path, {path: text for path, text in CLEAN.items() if not path.startswith("templates/")}))

    assert done.returncode == 1
    assert "templates/**/*.html: no file matches" in done.stdout
