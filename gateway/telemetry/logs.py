"""Logs: one line an event on stderr, readable on a terminal and JSON everywhere else.

Owns the configuration of structlog and of Python's own ``logging``, through which libraries speak, so that both come
out alike. It is the last line of defence, not the first: callers mask numbers themselves (``gateway.base.mask``) and
log no secrets, and still nothing that looks like a full number or a secret leaves here. A line that cannot be written
is counted and told about later; logging never raises into the code that logs.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from gateway.base import Clock, SystemClock, mask
from gateway.telemetry.options import LogOptions

NUMBER: Final = re.compile(r"\+\d{8,}")
HIDDEN: Final = "[hidden]"
SECRET_KEYS: Final = frozenset({"password", "secret", "token", "authorization", "api_key", "cookie", "private_key"})


def masked(value: object) -> object:
    """Return ``value`` with everything in it that looks like a full number (+ and 8 digits or more) masked.

    Looks into strings, bytes, mappings and sequences; other objects are masked in their ``str`` where that is needed.
    """
    if isinstance(value, str):
        return NUMBER.sub(lambda found: mask(found.group()), value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {
            str(masked(key)): HIDDEN if str(key).lower() in SECRET_KEYS else masked(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item) for item in value]
    shown = repr(value) if isinstance(value, bytes | bytearray) else str(value)
    return masked(shown)


def tells_debug() -> bool:
    """Say whether lines of level debug are written: cheaper than to ask a logger, each of which asks this anew."""
    return _is_for_debug(structlog.get_config()["wrapper_class"])


@lru_cache(maxsize=8)
def _is_for_debug(wrapper: Callable[..., FilteringBoundLogger]) -> bool:
    return wrapper(None, [], {}).is_enabled_for(logging.DEBUG)


def _guard(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    result: MutableMapping[str, Any] = {}
    for key, value in {**first, **event}.items():
        if key.startswith("_"):  # structlog's own; not part of the line
            result[key] = value
        else:
            result[key] = HIDDEN if key.lower() in SECRET_KEYS else masked(value)
    return result


class _Line:
    """Writes finished lines; structlog's logger and logging's handler share one."""

    def __init__(self, stream: TextIO, dropped: Callable[[], None]) -> None:
        self._stream = stream
        self._dropped = dropped

    def write(self, line: str) -> None:
        """Write one line. What cannot be written is reported to ``dropped``."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._dropped()

    msg = debug = info = warning = warn = error = critical = exception = fatal = log = write


class _Handler(logging.Handler):
    def __init__(self, line: _Line, formatter: logging.Formatter) -> None:
        super().__init__()
        self._line = line
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write what a library logged."""
        self._line.write(self.format(record))


def _stamp(clock: Clock) -> Processor:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["timestamp"] = datetime.fromtimestamp(clock.wall(), UTC).isoformat(timespec="milliseconds")
        return event

    return stamp


def configure_logs(
    options: LogOptions,
    *,
    stream: TextIO | None = None,
    clock: Clock | None = None,
    dropped: Callable[[], None] = lambda: None,
    node: str = "",
) -> None:
    """Make structlog and ``logging`` write to ``stream`` (stderr by default) as ``options`` say. May be called again.

    ``dropped`` is called for each line that could not be written. ``node``, if given, is in every line.
    """
    out = stream if stream is not None else sys.stderr
    human = options.format == "human" or (options.format == "auto" and out.isatty())
    level = logging.getLevelNamesMapping()[options.level.upper()]
    line = _Line(out, dropped)

    def add_node(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if node:
            event["node"] = node
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamp(clock or SystemClock()),
        add_node,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _guard,
    ]
    renderer: Processor
    if human:
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=28)
    else:
        renderer = structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: line,
        cache_logger_on_first_use=False,  # a reload may change the level
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared[:1], structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, *shared[2:]],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(old)
    root.addHandler(_Handler(line, formatter))
    # A library's chatter is not an event of ours: below WARNING it only shows when somebody debugs.
    root.setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
