"""A party's own log: JSON lines in `party.log` of its folder, with everything that could be a number of a person blotted out.

The standard library's logging is enough and starts ten times faster than a framework. Codes, names and values are never logged on
purpose; the filter is the second line.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import Any, Final

LOG_NAME: Final = "party.log"
MOST_BYTES: Final = 16 << 20
TURNED: Final = 3
"""Files kept besides the one that is written."""
WRITTEN: Final[Counter[str]] = Counter()
"""Lines by level, for an operator's monitoring."""
BLOT: Final = "[number]"
_DIGITS: Final = re.compile(r"\d(?:[ \u3000‐-―ー-]?\d){10,}")
"""Eleven digits or more, of any script, also when grouped: resident codes have 11, individual numbers 12."""
_PLACES: Final = 6
"""Of an exception, in a line."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def redact(text: str) -> str:
    """The text with every run of 11 or more digits blotted out."""
    return _DIGITS.sub(BLOT, text)


class Lines(logging.Formatter):
    """One JSON object a line: time (machine), level, logger, event, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`. Of an exception only kind and place are kept: its message may quote data."""
        extra = {key: _plain(value) for key, value in vars(record).items() if key not in _STANDARD}
        line = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(record.getMessage()),
            **extra,
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def _plain(value: object) -> Any:
    """A further field as JSON has it, so that a reader need not take Python's own notation apart; redacted to its last leaf."""
    match value:
        case None | bool():
            return value
        case int():
            return value if (text := str(value)) == redact(text) else BLOT
        case Mapping():
            return {redact(str(key)): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return redact(str(value))


def describe(error: BaseException) -> str:
    """Kind of an exception and where it was raised, innermost last; never its message.

    Six places: the three innermost of this program, however deep a library failed below them, and the innermost of all.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    ours = [n for n, (frame, _) in enumerate(frames) if frame.f_globals.get("__name__", "").startswith("warifu.")][-3:]
    rest = [n for n in range(len(frames)) if n not in ours]
    kept = sorted([*ours, *rest[max(0, len(rest) + len(ours) - _PLACES) :]])
    places = " > ".join(_place(*frames[n]) for n in kept)
    return f"{type(error).__name__} at {places}"


def _place(frame: FrameType, line: int) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"


def open_log(folder: Path, party: str, *, console: bool = False) -> logging.Handler:
    """Send everything logged in this process to the party's log, readable by the owner alone. Returns the handler, to be closed.

    `console`: the same lines to standard error as well, as containers want them.
    """
    handler: logging.Handler = _Turning(folder / LOG_NAME)
    root = logging.getLogger()
    for one in (handler, logging.StreamHandler()) if console else (handler,):
        one.setFormatter(Lines())
        root.addHandler(one)
    handler.set_name(party)
    root.setLevel(logging.INFO)
    return handler


class _Turning(RotatingFileHandler):
    """Keeps the newest lines: at MOST_BYTES the file becomes party.log.1, the one before party.log.2, and the oldest goes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MOST_BYTES, backupCount=TURNED, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        WRITTEN[record.levelname.lower()] += 1
        super().emit(record)
