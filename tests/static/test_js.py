"""Our own scripts: modules by bare name, nothing that needs eval or inline code."""

import re
from pathlib import Path

import pytest
from django.conf import settings

SCRIPTS = sorted((Path(settings.BASE_DIR) / "static/js").glob("*.js"))
NAMES = {f"app/{script.stem}" for script in SCRIPTS}

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


@every_script
def test_a_module_imports_only_what_the_import_map_has(script: Path):
    # A relative import would miss the hash in the file's name.
    wanted = re.findall(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""", script.read_text())
    assert set(wanted) <= NAMES


@every_script
def test_a_module_evaluates_no_text(script: Path):
    text = script.read_text()
    assert not re.search(r"\beval\(|new Function|document\.write|setAttribute\(\s*[\"']on", text)


@every_script
def test_a_module_hears_no_event_of_htmx_2(script: Path):
    assert not re.search(r"htmx:(?:after|before)[A-Z]\w*|htmx:\w+Error|detail\.(?:xhr|elt|pathInfo|requestConfig)\b", script.read_text())


@every_script
def test_a_module_says_first_what_it_is_for(script: Path):
    assert script.read_text().startswith("// ")
