"""A line editor for the prompt: keys in, whole lines out. Pure; it draws nothing and reads nothing.

It exists because texts arrive while somebody types: only who holds the half-typed line can take it off the screen and
put it back. It knows what a tester needs (erasing, history, leaving) and swallows every other control sequence.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_SEQUENCE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|O.|[^\\[O])")
_UNFINISHED = re.compile("\x1b(?:\\[[0-?]*[ -/]*|O)?$")


@dataclass(frozen=True, slots=True)
class Entered:
    """A line was finished with Enter."""

    line: str


@dataclass(frozen=True, slots=True)
class Left:
    """The person leaves: Ctrl-C, or Ctrl-D on an empty line."""


class LineEditor:
    """``line`` is what is typed so far."""

    def __init__(self) -> None:
        self.line = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self._history: list[str] = []
        self._at = 0

    def feed(self, data: bytes) -> list[Entered | Left]:
        """Take octets from the keyboard; return what they finished, in order."""
        text = self._pending + self._decoder.decode(data)
        if unfinished := _UNFINISHED.search(text):
            self._pending, text = text[unfinished.start() :], text[: unfinished.start()]
        else:
            self._pending = ""
        done: list[Entered | Left] = []
        at = 0
        while at < len(text):
            if sequence := _SEQUENCE.match(text, at):
                self._recall(sequence[0])
                at = sequence.end()
                continue
            event = self._key(text[at])
            done += [event] if event else []
            at += 1
        return done

    def _key(self, key: str) -> Entered | Left | None:
        if key in "\r\n":
            return self._enter()
        if key == "\x03" or (key == "\x04" and not self.line):
            return Left()
        if key in "\x7f\b":
            self.line = self.line[:-1]
        elif key == "\x15":  # Ctrl-U
            self.line = ""
        elif key == "\x17":  # Ctrl-W
            self.line = re.sub(r"\S*\s*$", "", self.line)
        elif key.isprintable():
            self.line += key
        return None

    def _enter(self) -> Entered:
        entered, self.line = Entered(self.line), ""
        if entered.line and entered.line not in self._history[-1:]:
            self._history.append(entered.line)
        self._at = len(self._history)
        return entered

    def _recall(self, sequence: str) -> None:
        """Cursor up and down walk through the lines entered before; other sequences do nothing."""
        step = {"\x1b[A": -1, "\x1bOA": -1, "\x1b[B": 1, "\x1bOB": 1}.get(sequence, 0)
        if step and 0 <= self._at + step <= len(self._history):
            self._at += step
            self.line = self._history[self._at] if self._at < len(self._history) else ""
