"""However a command ends, a user sees one line and a supervisor an exit status."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest
import trio

from gateway.__main__ import main as script
from gateway.base import GatewayError
from gateway.cli import app, commands
from tests.cli.conftest import Run


class BusyError(GatewayError):
    exit_code = 75


def ends_with(monkeypatch: pytest.MonkeyPatch, error: BaseException | int | str) -> None:
    """Make ``gateway check`` end so."""

    @click.command(name="check")
    def command() -> int | str:
        if isinstance(error, BaseException):
            raise error
        return error

    monkeypatch.setattr(commands, "find", lambda _name: command)


@pytest.mark.parametrize(
    "error,status,said",
    [
        (0, 0, ""),
        (78, 78, ""),
        ("a value that is no status", 0, ""),
        (BusyError("the store is busy: wait"), 75, "gateway: the store is busy: wait\n"),
        (GatewayError("odd"), 70, "gateway: odd\n"),
        (ExceptionGroup("nursery", [BusyError("busy")]), 75, "gateway: busy\n"),
        (ExceptionGroup("a", [ExceptionGroup("b", [BusyError("x"), BusyError("y")])]), 75, "gateway: x\ngateway: y\n"),
        (BaseExceptionGroup("a", [BusyError("x"), KeyboardInterrupt()]), 75, "gateway: x\n"),
        (KeyboardInterrupt(), 130, "\n"),  # the terminal shows ^C; what follows begins on a line of its own
        (BaseExceptionGroup("nursery", [KeyboardInterrupt()]), 130, ""),
        (click.Abort(), 130, ""),
        (click.exceptions.Exit(5), 5, ""),
        (click.UsageError("no such thing."), 64, "gateway: no such thing; see gateway check --help\n"),
        (click.ClickException("cannot"), 1, "gateway: cannot\n"),
        (SystemExit(3), 3, ""),
        (SystemExit("words"), 70, ""),
    ],
)
def test_every_way_to_end(
    monkeypatch: pytest.MonkeyPatch, run: Run, error: BaseException | int | str, status: int, said: str
) -> None:
    ends_with(monkeypatch, error)
    ended = run("check")
    assert (ended.status, ended.out, ended.err) == (status, "", said)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such number +12125550101"),
        ExceptionGroup("nursery", [ValueError("no such number +12125550101"), BusyError("x")]),
    ],
)
def test_a_bug_is_one_line_and_a_file(monkeypatch: pytest.MonkeyPatch, run: Run, error: Exception) -> None:
    ends_with(monkeypatch, error)
    ended = run("check")
    assert ended.status == 70
    line, rest = ended.err.split("\n", 1)
    assert rest == ""
    assert line.startswith("gateway: internal error: ValueError: no such number +12…0101; please report it with /")
    content = Path(line.rpartition(" ")[2]).read_text(encoding="utf-8")
    assert "Traceback" in content
    assert "+12125550101" not in content


def test_a_bug_with_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    ends_with(monkeypatch, ValueError("+12125550101"))
    ended = run("--debug", "check")
    assert ended.status == 70
    assert "Traceback" in ended.err
    assert "+12125550101" not in ended.err


def test_an_error_for_people_with_debug_shows_the_traceback_too(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    ends_with(monkeypatch, BusyError("busy"))
    ended = run("--debug", "check")
    assert ended.status == 75
    assert ended.err.startswith("gateway: busy\n")
    assert "Traceback" in ended.err


def test_a_bug_where_no_file_can_be_written(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    def refuse(**_arguments: object) -> None:
        raise PermissionError

    ends_with(monkeypatch, ValueError("x"))
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    ended = run("check")
    assert ended.status == 70
    assert ended.err == "gateway: internal error: ValueError: x; please report it with the output of --debug\n"


@pytest.mark.parametrize("failure", [MemoryError, OSError])
def test_what_cannot_be_told_is_still_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], failure: type[Exception]
) -> None:
    def fails(error: BaseException) -> None:
        raise failure

    ends_with(monkeypatch, ValueError("x"))
    monkeypatch.setattr("gateway.cli.app.traceback.format_exception", fails)
    assert app.main(["check"]) == 70
    assert capfd.readouterr().err == (
        "gateway: internal error: it cannot be told, for want of memory or of a place to write to\n"
    )


@pytest.mark.parametrize(
    "error,status", [("BrokenPipeError(32, 'x')", 1), ("ExceptionGroup('x', [BrokenPipeError(32, 'x')])", 141)]
)
def test_whoever_read_our_output_has_gone(error: str, status: int) -> None:
    """In a process of its own, since it gives up its standard output. The first is click's own answer."""
    script = f"""
import sys, click
from gateway.cli import app, commands
@click.command()
def command():
    raise {error}
commands.find = lambda name: command
sys.exit(app.main(["check"]))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (status, b"")


@pytest.mark.parametrize(
    "arguments,said",
    [
        (("chekc",), "No such command 'chekc'. Did you mean 'check'? See gateway --help"),
        (("xyzzy",), "No such command 'xyzzy'; see gateway --help"),
        (("check", "--strct"), "No such option '--strct'. Did you mean '--strict'? See gateway check --help"),
        (("check", "--xyzzy"), "No such option '--xyzzy'; see gateway check --help"),
        (("--xyzzy",), "No such option '--xyzzy'; see gateway --help"),
        (("messages", "lst"), "No such command 'lst'. Did you mean 'list'? See gateway messages --help"),
    ],
)
def test_usage(run: Run, arguments: tuple[str, ...], said: str) -> None:
    ended = run(*arguments)
    assert (ended.status, ended.out, ended.err) == (64, "", f"gateway: {said}\n")


@pytest.mark.parametrize("group", [(), ("messages",), ("consent",)])
def test_no_summary_is_cut_in_a_narrow_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, group: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = run(*group, "--help").out.partition("Commands:\n")[2].splitlines()
    assert listed
    assert not [line for line in listed if line.endswith("...")]


def test_no_arguments_show_the_help(run: Run) -> None:
    ended = run()
    assert ended.status == 64
    assert "gateway demo" in ended.err


def test_version(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--version").out.startswith("gateway ")

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert app.version() == "unknown"


def test_the_script_exits_with_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gateway", "--version"])
    with pytest.raises(SystemExit) as caught:
        script()
    assert caught.value.code == 0


@pytest.mark.parametrize("name", commands.names())
def test_every_command_is_found_and_has_an_example(run: Run, name: str) -> None:
    command = commands.find(name)
    assert command is not None
    assert command.name == name
    ended = run(name, "--help")
    assert ended.status == 0
    assert "Example:\n" in ended.out
    assert f"gateway {name}" in ended.out.split("Example:\n")[1]
    if isinstance(command, click.Group):
        for inner in command.commands:
            assert f"gateway {name} {inner}" in run(name, inner, "--help").out.split("Example:\n")[1]


def test_an_unknown_command_is_none() -> None:
    assert commands.find("nothing") is None


async def test_a_cancelled_nursery_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    ends_with(monkeypatch, BaseExceptionGroup("nursery", [KeyboardInterrupt(), KeyboardInterrupt()]))
    assert await trio.to_thread.run_sync(app.main, ["check"]) == 130
