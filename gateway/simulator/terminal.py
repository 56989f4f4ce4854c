"""The tester's terminal, or whatever stands in for it: the only place that touches file descriptors and termios.

``Terminal`` has one face for both cases. On a real terminal it takes over line editing, so that what arrives can be
printed above the half-typed line; anywhere else (a pipe, a file) it reads plain lines and prints an entered one behind
its prompt, so that the output reads as a dialogue. Leaving it puts the terminal back as it was, always.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import termios
import unicodedata
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

import trio

from gateway.simulator.editor import Entered, Left, LineEditor

_CHUNK: Final = 4096
_LOCAL: Final = 3  # the index of the local modes in what tcgetattr returns
_SPECIAL: Final = 6  # that of the special characters


class Terminal:
    """A place to type lines and to see others. ``prompt`` is shown before what is typed."""

    def __init__(self, stdin: int | None = None, stdout: TextIO | None = None) -> None:
        self.prompt = ""
        self._in = sys.stdin.fileno() if stdin is None else stdin
        self._out = sys.stdout if stdout is None else stdout
        self.interactive = os.isatty(self._in) and self._out.isatty()
        self._editor = LineEditor()
        mode = os.fstat(self._in).st_mode
        self._waits = os.isatty(self._in) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        self._entered: deque[str] = deque()
        self._ended = False
        self._buffer = b""
        self._rows = 0
        self._on = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take the terminal over for the time of the block."""
        if not self.interactive:
            yield
            return
        before = termios.tcgetattr(self._in)
        raw = termios.tcgetattr(self._in)
        raw[_LOCAL] &= ~(termios.ICANON | termios.ECHO)
        raw[_SPECIAL][termios.VINTR] = b"\0"  # Ctrl-C comes as a key; other signals stay as they are
        termios.tcsetattr(self._in, termios.TCSADRAIN, raw)
        self._on = True
        self._draw()
        try:
            yield
        finally:
            self._on = False
            termios.tcsetattr(self._in, termios.TCSADRAIN, before)
            self._write("\n")

    def show(self, line: str) -> None:
        """Print a line; what is being typed stays below it."""
        self._write(f"{self._erased()}{line}\n")
        self._draw()

    def set_prompt(self, prompt: str) -> None:
        """Change the prompt."""
        self.prompt = prompt
        if self._on:
            self._write(self._erased())
            self._draw()

    async def line(self) -> str | None:
        """Return the next line that was entered; None when there will be no more. At most one task may wait."""
        while not self._entered:
            if self._ended:
                return None
            data = await self._read()
            if self.interactive:
                self._edit(data)
            else:
                self._split(data)
        line = self._entered.popleft()
        self._write(f"{self._erased()}{self.prompt}{line}\n")
        self._draw()
        return line

    def _edit(self, data: bytes) -> None:
        """Let the editor take keys."""
        events = self._editor.feed(data) if data else [Left()]
        self._entered += [event.line for event in events if isinstance(event, Entered)]
        self._ended = Left() in events
        if not self._entered:
            self._write(self._erased())
            self._draw()

    def _split(self, data: bytes) -> None:
        """Cut piped octets into lines; at the end (b"") what is left is one."""
        *whole, self._buffer = (self._buffer + data).split(b"\n")
        if not data:
            self._ended = True
            whole, self._buffer = [self._buffer] if self._buffer else [], b""
        self._entered += [one.decode("utf-8", "replace").rstrip("\r") for one in whole]

    async def _read(self) -> bytes:
        """Wait for octets; b"" at the end. Files are always ready, and epoll refuses them."""
        while True:
            if self._waits:
                await trio.lowlevel.wait_readable(self._in)
            await trio.lowlevel.checkpoint()
            try:
                return os.read(self._in, _CHUNK)
            except BlockingIOError:  # somebody else took it, or made the descriptor non-blocking
                continue
            except OSError:  # the other end of a pseudo-terminal is gone
                return b""

    def _draw(self) -> None:
        if self._on:
            shown = f"{self.prompt}{self._editor.line}"
            width = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in shown)
            self._rows = max(width - 1, 0) // shutil.get_terminal_size().columns
            self._write(shown)

    def _erased(self) -> str:
        """Return what takes the prompt off the screen, however many rows it has."""
        if not self._on:
            return ""
        up = f"\x1b[{self._rows}A" if self._rows else ""
        self._rows = 0
        return f"\r{up}\x1b[J"

    def _write(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()
