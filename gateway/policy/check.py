"""What is wrong with a line's options as a whole, all of it at once.

Owns the checks that need more than one key or the rules' data: clashing words, unknown actions, words that cannot be
dropped. Must never stop at the first problem. Types and ranges are pydantic's; other lines are ``gateway.config``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.policy.options import LineOptions


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. ``key`` is its path within the line (``keyword[0].word``), ``right`` what would be right."""

    key: str
    wrong: str
    right: str


def check_line(options: LineOptions) -> list[Problem]:
    """Return every problem of a line's options; none means that ``compile_line`` takes them."""
    return list(_problems(options))


def _problems(options: LineOptions) -> Iterator[Problem]:
    """Yield every problem."""
    yield from _limit(options)


def _limit(options: LineOptions) -> Iterator[Problem]:
    """The reply limit must be readable."""
    from gateway.policy.limits import MOST, parse_limit

    if parse_limit(options.reply_limit) is None:
        yield Problem(
            "reply_limit",
            f'"{options.reply_limit}" is no limit',
            f'a number from 1 to {MOST} per s, min or h, as "10/min"',
        )
