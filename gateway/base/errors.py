"""The root of every error that we raise on purpose.

A ``GatewayError`` is meant for a person: its text says what happened, where, and what would be right. It carries the
attributes from which a sender decides what to do, so that nobody has to match on class names or on text. Whatever is
not a ``GatewayError`` is a bug of ours and travels up unhandled.
"""

from __future__ import annotations


class GatewayError(Exception):
    """An error whose text is written for the person who runs or uses the gateway.

    ``exit_code`` is the sysexits(3) status with which a command ends if nobody handles the error. ``transient`` says
    that the same call may succeed later without anybody changing anything; ``full`` that it will once the disk is not
    full any more; ``doubtful`` that it is not known whether it did.
    """

    exit_code: int = 70  # EX_SOFTWARE
    transient: bool = False
    full: bool = False
    doubtful: bool = False
