"""Browsers report what the content policy stopped; whoever sends other things there fills neither the log nor anything else."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from studio.web import csp_reports
from studio.web.csp_reports import LARGEST, MOST_READ
from tests.control.test_settings import read_with

OLD = {
    "csp-report": {
        "document-uri": "https://studio.example.org/in/secret-token/?a=1",
        "violated-directive": "script-src-elem",
        "blocked-uri": "inline",
    }
}
NEW = [
    {
        "type": "csp-violation",
        "body": {
            "documentURL": "https://studio.example.org/me/",
            "effectiveDirective": "img-src",
            "blockedURL": "https://a:b@evil.example/x?y",
            "lineNumber": 7,
        },
    },
    {"type": "deprecation", "body": {}},
]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == csp_reports.__name__]


def send(body: bytes, kind: str = "application/csp-report") -> int:
    return int(Client(enforce_csrf_checks=True).post("/csp-report/", body, content_type=kind).status_code)


@pytest.mark.parametrize(
    ("report", "kind", "line"),
    [
        (OLD, "application/csp-report", "a browser stopped 'inline' by 'script-src-elem' on page access_link, line '?'"),
        (NEW, "application/reports+json", "a browser stopped 'https://evil.example' by 'img-src' on page me, line '7'"),
        (NEW[:1] * 3, "application/reports+json", "a browser stopped 'https://evil.example' by 'img-src' on page me, line '7' [and 2 more]"),
    ],
)
def test_both_formats_become_one_line_without_secrets(report: Any, kind: str, line: str, db: None, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING), CaptureQueriesContext(connection) as asked:
        assert send(json.dumps(report).encode(), kind) == 204

    assert lines(caplog) == [line]
    assert len(asked) == 0


@pytest.mark.parametrize(
    "report", [{"blocked-uri": "a\r\nroot: \x1b[31m\u202e\x7f", "violated-directive": ["x" * 5_000]}, {"blocked-uri": "http://[bad"}]
)
def test_no_sign_of_a_report_reaches_the_log_unescaped(report: dict[str, Any], db: None, caplog: pytest.LogCaptureFixture):
    send(json.dumps({"csp-report": report}).encode())

    (line,) = lines(caplog)
    assert line.isprintable()
    assert line.isascii()
    assert len(line) < 600


@pytest.mark.parametrize(
    "body", [b"", b"[", b"null", b"{}", b"[[]]", b'{"csp-report": 1}', b"[" * 16_000, b"\xff\xfe", b'[{"type": "csp-violation"}]']
)
def test_what_is_no_report_is_refused_without_a_line(body: bytes, db: None, caplog: pytest.LogCaptureFixture):
    assert send(body) == 400
    assert lines(caplog) == []


def test_a_body_has_a_limit(db: None, caplog: pytest.LogCaptureFixture):
    assert send(json.dumps(OLD).encode() + b" " * LARGEST) == 413
    assert lines(caplog) == []


def test_a_flood_writes_few_lines(db: None, caplog: pytest.LogCaptureFixture):
    statuses = [send(json.dumps(OLD).encode()) for _ in range(100)]

    assert statuses == [204] * MOST_READ + [429] * (100 - MOST_READ)
    assert len(lines(caplog)) == MOST_READ


def test_pages_name_the_address_for_reports(db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    headers = Client().get("/accounts/login/").headers

    assert headers["Reporting-Endpoints"] == 'csp="/csp-report/"'
    assert "report-uri /csp-report/" in headers["Content-Security-Policy"]
    assert "report-to" not in headers["Content-Security-Policy"]
    assert read_with(monkeypatch, tmp_path)["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["report-to"] == ["csp"]
