"""Logs are JSON lines on standard error, and a trace shows no local variable."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from infra import logs
logs.configure("info")
log = structlog.get_logger("x")
log.debug("unseen")
log.info("seen", topic="t", offset=1)
logging.getLogger("y").info("from the library", extra={"partition": 2})
logging.getLogger("httpx").info("unseen")
def fail():
    buyer = "Secret" + " " + "Person"
    raise ValueError("broken")
try:
    fail()
except ValueError as error:
    log.error("failed", exc_info=error)
    logging.getLogger("y").exception("failed too")
"""


def test_logs_are_json_lines_and_traces_show_no_local_variable() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["seen", "from the library", "failed", "failed too"]
    assert all(line["at"].endswith("Z") and line["level"] in ("info", "error") for line in lines)
    assert (lines[0]["topic"], lines[0]["offset"], lines[1]["partition"]) == ("t", 1, 2)
    assert "ValueError: broken" in lines[2]["exception"]
    assert "ValueError: broken" in lines[3]["exception"]
    assert "Secret Person" not in done.stderr
