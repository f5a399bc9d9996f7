"""Lines of the log: one for each record, whatever it holds; a traceback looks like no record."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from studio.web.log_redaction import MARGIN, RedactingFormatter

ROOT = Path(__file__).parent.parent.parent
RECORD = "2026-12-01 10:00:00,000 INFO studio.security event=sign_in user=1"
ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
UNSEEN = ["\x1b[2K", "\x08", "\x07", "\x7f", "\x9b2K", "\u202e", "\u2066", "\udcff", "\x00"]
FORMAT = "{asctime} {levelname} {name} {message}"


def lines_of(message: str, *args: object, error: Exception | None = None, stack: str | None = None, kept: str | None = None) -> list[str]:
    record = logging.LogRecord("studio.any", logging.ERROR, "file.py", 1, message, args, None)
    if error is not None:
        try:
            raise error
        except Exception:  # noqa: BLE001 - the one above
            record.exc_info = sys.exc_info()
    record.stack_info, record.exc_text = stack, kept
    written = RedactingFormatter(FORMAT, style="{").format(record)
    written.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", written)
    return written.splitlines()


@pytest.mark.parametrize("odd", ENDS + UNSEEN)
def test_a_record_is_one_line_whatever_it_holds(odd: str):
    (line,) = lines_of("a clip could not be fetched: %s", f"x{odd}{RECORD}")
    assert " ERROR studio.any a clip could not be fetched: x\\" in line


@pytest.mark.parametrize("end", ENDS)
def test_no_line_of_a_traceback_looks_like_a_record(end: str):
    first, *below = lines_of("it broke", error=ValueError(f"x{end}{RECORD}"))
    assert first.endswith("it broke")
    assert below[0] == f"{MARGIN}Traceback (most recent call last):"
    assert RECORD in below[-1]
    assert all(line.startswith(MARGIN) for line in below)


def test_a_traceback_that_another_handler_has_formatted_is_no_record_either():
    below = lines_of("it broke", error=ValueError(f"x\n{RECORD}"), kept=f"ValueError: x\n{RECORD}")[1:]
    assert all(line.startswith(MARGIN) for line in below)
    assert lines_of("it broke", kept=f"ValueError: x\n{RECORD}")[1:] == [f"{MARGIN}ValueError: x", MARGIN + RECORD]
    assert lines_of("it broke", stack=f"Stack:\n{RECORD}")[1:] == [f"{MARGIN}Stack:", MARGIN + RECORD]


@pytest.mark.parametrize("path", ["/s/T0KEN/clips/", "/in/T0KEN/", "/references/T0KEN", "/hooks/xai/T0KEN/", "/accounts/password/reset/key/1-T0KEN/"])
def test_what_lets_somebody_in_is_struck_out_of_lines_and_tracebacks(path: str):
    assert "T0KEN" not in "".join(lines_of("Forbidden: %s", path, error=ValueError(path)))


def test_the_web_servers_own_lines_are_written_in_the_same_way(tmp_path: Path):
    program = f"""
from gunicorn.config import Config
from gunicorn.glogging import Logger
from studio.control import serving
config = Config()
for name in ("loglevel", "logconfig_dict"):
    config.set(name, getattr(serving, name))
log = Logger(config)
log.warning("Invalid request from ip=%s: %s", "192.0.2.1", "x\\r\\n{RECORD}")
try:
    raise ValueError("x\\n{RECORD}")
except ValueError:
    log.exception("Error handling request /s/T0KEN/")
"""
    environment = {"STUDIO_LOCAL": "1", "STUDIO_DATA_DIR": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    first, second, *below = done.stderr.splitlines()
    assert done.stdout == ""
    assert first.endswith(f"WARNING gunicorn.error Invalid request from ip=192.0.2.1: x\\x0d\\n{RECORD}")
    assert second.endswith("ERROR gunicorn.error Error handling request /s/…/")
    assert all(line.startswith(MARGIN) for line in below)
