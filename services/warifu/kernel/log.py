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
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LOG_NAME: Final = "party.log"
BLOT: Final = "[number]"
_DIGITS: Final = re.compile(r"\d(?:[ \u3000‐-―ー-]?\d){10,}")
"""Eleven digits or more, of any script, also when grouped: resident codes have 11, individual numbers 12."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def redact(text: str) -> str:
    """The text with every run of 11 or more digits blotted out."""
    return _DIGITS.sub(BLOT, text)


class Lines(logging.Formatter):
    """One JSON object a line: time (machine), level, logger, event, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`. Of an exception only kind and place are kept: its message may quote data."""
        extra = {key: redact(str(value)) for key, value in vars(record).items() if key not in _STANDARD}
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


def describe(error: BaseException) -> str:
    """Kind of an exception and where it was raised, innermost last; never its message."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}"


def open_log(folder: Path, party: str) -> logging.Handler:
    """Send everything logged in this process to the party's log, readable by the owner alone. Returns the handler, to be closed."""
    path = folder / LOG_NAME
    os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(Lines())
    handler.set_name(party)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    return handler
