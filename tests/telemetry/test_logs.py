"""Logs: both forms, both doors (structlog and logging), masking, and streams that fail."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog

from gateway.telemetry import LogOptions, configure_logs
from gateway.telemetry.logs import masked

NUMBER = "+12125550101"
MASKED = "+12…0101"


class At:
    """A clock that stands still."""

    def wall(self) -> float:
        return 1_700_000_000.25

    monotonic = boot = wall


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_json_is_one_object_a_line() -> None:
    out = io.StringIO()
    configure_logs(LogOptions(), stream=out, clock=At(), node="gw1")
    structlog.get_logger().info("bound", carrier="acme", window=100)
    assert json.loads(out.getvalue()) == {
        "timestamp": "2023-11-14T22:13:20.250+00:00",
        "level": "info",
        "event": "bound",
        "carrier": "acme",
        "window": 100,
        "node": "gw1",
    }


def test_no_node_no_key() -> None:
    out = io.StringIO()
    configure_logs(LogOptions(), stream=out)
    structlog.get_logger().info("bound")
    assert "node" not in json.loads(out.getvalue())


def test_a_terminal_gets_lines_for_people() -> None:
    out = Terminal()
    configure_logs(LogOptions(), stream=out, clock=At())
    structlog.get_logger().warning("unbound", carrier="acme")
    assert "unbound" in out.getvalue()
    assert "\x1b[" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_human_lines_into_a_file_have_no_colours() -> None:
    out = io.StringIO()
    configure_logs(LogOptions(format="human"), stream=out)
    structlog.get_logger().warning("unbound", carrier="acme")
    assert "carrier=acme" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_levels() -> None:
    out = io.StringIO()
    configure_logs(LogOptions(level="warning"), stream=out)
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


@pytest.mark.parametrize("level, expected", [("debug", ["a", "b"]), ("info", ["b"]), ("error", [])])
def test_libraries_speak_only_from_warning_on_unless_debugging(level: str, expected: list[str]) -> None:
    out = io.StringIO()
    configure_logs(LogOptions.model_validate({"level": level}), stream=out)
    logging.getLogger("library").info("a")
    logging.getLogger("library").warning("b")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == expected
    assert {line["logger"] for line in lines} <= {"library"}


def test_configuring_again_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logs(LogOptions(), stream=first)
    configure_logs(LogOptions(), stream=second)
    logging.getLogger("library").warning("once")
    structlog.get_logger().info("twice")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 2


def test_python_warnings_become_lines() -> None:
    out = io.StringIO()
    configure_logs(LogOptions(), stream=out)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    assert "old way" in json.loads(out.getvalue())["event"]


def test_numbers_and_secrets_never_leave() -> None:
    out = io.StringIO()
    configure_logs(LogOptions(), stream=out)
    log = structlog.get_logger()
    try:
        int(f"{NUMBER} is no integer")
    except ValueError:
        log.exception(f"failed for {NUMBER}", number=NUMBER, password="hunter2", seen=[{"token": "t0p", NUMBER: 1}])
    logging.getLogger("library").warning("sent to %s", NUMBER)
    assert NUMBER not in out.getvalue()
    assert "hunter2" not in out.getvalue()
    assert "t0p" not in out.getvalue()
    assert MASKED in out.getvalue()
    assert "Traceback" in out.getvalue()


@pytest.mark.parametrize(
    "value, expected",
    [
        (f"to {NUMBER}, {NUMBER}.", f"to {MASKED}, {MASKED}."),
        ("+1234567", "+1234567"),
        ("+1234567890123456", "+12…3456"),
        (12125550101, 12125550101),
        (True, True),
        (None, None),
        (2.5, 2.5),
        ((NUMBER, 1), [MASKED, 1]),
        (frozenset({NUMBER}), [MASKED]),
        (b"+12125550101", f"b'{MASKED}'"),
        ({"Password": "x", "n": NUMBER}, {"Password": "[hidden]", "n": MASKED}),
        (ValueError(NUMBER), MASKED),
    ],
)
def test_masked(value: object, expected: object) -> None:
    assert masked(value) == expected


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_broken_stream_never_raises_into_the_code_that_logs() -> None:
    dropped: list[int] = []
    configure_logs(LogOptions(format="json"), stream=Broken(), dropped=lambda: dropped.append(1))
    structlog.get_logger().info("lost")
    logging.getLogger("library").warning("lost too")
    assert len(dropped) == 2


def test_a_closed_stream_is_a_broken_one() -> None:
    stream, dropped = io.StringIO(), [0]
    configure_logs(LogOptions(format="json"), stream=stream, dropped=lambda: dropped.append(1))
    stream.close()
    structlog.get_logger().info("lost")
    assert dropped == [0, 1]
