"""Logs for the person on call: one line per change of state, fields rather than prose, ids always, secrets never."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson


def note(logger: logging.Logger, text: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line: `text` says what happened, `fields` to whom (namespace, workflow, node, event ...)."""
    logger.log(level, text, extra={"fields": fields})


class _Lines(logging.Formatter):
    """``2026-11-24T08:17:00.123Z INFO controller workflow ended namespace=argo workflow=hello phase=Succeeded``."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields: dict[str, Any] = getattr(record, "fields", {})
        shown = "".join(f" {key}={_shown(value)}" for key, value in fields.items() if value not in (None, ""))
        text = f"{moment} {record.levelname} {record.name.removeprefix('argosy.')} {record.getMessage()}{shown}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return orjson.dumps(text).decode() if any(letter.isspace() or letter in '"=' for letter in text) else text


def configure(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send the program's logs to `stream` (standard error if none is given)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
