"""One form for all logs: a JSON object a line on standard error, with the instant, the level, and the event's fields.

Traces are plain text and never show local variables: those of a request or a record hold personal data.
"""

from __future__ import annotations

import io
import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

#: Libraries that tell every step; what is wrong with them comes as a warning.
QUIET = (
    *("aiokafka", "botocore", "boto3", "faust", "httpcore", "httpx", "mode", "s3transfer", "urllib3", "uvicorn"),
    # Faust logs its agents under the module that makes them.
    "processors.worker",
)


class CurrentStderr(io.TextIOBase, TextIO):
    """Whatever standard error is when a line is written: it may be replaced after the loggers are made."""

    def write(self, text: str) -> int:
        """Write to the standard error of this moment."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the standard error of this moment."""
        sys.stderr.flush()


def configure(level: str) -> None:
    """Set up structlog and the standard library's logging for this process; safe to repeat."""
    stderr = CurrentStderr()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
