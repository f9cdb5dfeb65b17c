"""Log lines: for people on a terminal, JSON lines otherwise, always on standard error.

In: structlog events. Out: text without secrets and without row values: URLs lose their passwords, fields that name a
secret are masked, and of an exception only its type and its frames are shown, since a driver's message may quote rows.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final, TypeAlias

import structlog

Event: TypeAlias = "MutableMapping[str, Any]"

_URL_PASSWORD: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s/@]*@")
_SECRET_NAMES: Final = re.compile(r"password|passwd|secret|token", re.IGNORECASE)


def configure(*, json_lines: bool | None = None, level: str = "info") -> None:
    """Set up logging for the process; `json_lines` None means JSON unless standard error is a terminal."""
    as_json = not sys.stderr.isatty() if json_lines is None else json_lines
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time" if as_json else "timestamp"),
            frames_only,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,
    )


class _StandardError:
    """Writes to whatever `sys.stderr` is at that moment, so that a live table can put lines above itself."""

    def __init__(self, *names: str) -> None:
        del names

    def msg(self, message: str) -> None:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


def redact(logger: object, method: str, event: Event) -> Event:
    """A structlog processor: passwords in URLs and fields that name a secret are masked."""
    del logger, method
    for key, value in event.items():
        if _SECRET_NAMES.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = redact_text(value)
    return event


def redact_text(text: str) -> str:
    """`text` with the passwords of its URLs masked."""
    return _URL_PASSWORD.sub(r"\1:***@", text)


def frames_only(logger: object, method: str, event: Event) -> Event:
    """A structlog processor: an exception becomes its type and its frames, without its message."""
    del logger, method
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = type(error).__name__
        event["frames"] = frames(error.__traceback__)
    return event


def frames(trace: TracebackType | None) -> list[str]:
    """``file:line function`` for each frame, outermost first."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
