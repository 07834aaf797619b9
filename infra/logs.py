"""Logs of a process: one line an event with its fields, and tracebacks without the values of variables.

A rich traceback shows what every local variable holds; in a worker that is what a buyer wrote.
"""

from __future__ import annotations

import logging

import structlog

#: Libraries that tell every step of a start; what is wrong comes as a warning.
QUIET = ("aiokafka", "botocore", "faust", "httpx", "mode", "processors.worker", "urllib3")


def configure(level: str) -> None:
    """Set up structlog and the standard library's logging for this process, both at `level` (a lower-case name)."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=number, format="%(asctime)s [%(levelname)-8s] %(name)s %(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
    )
