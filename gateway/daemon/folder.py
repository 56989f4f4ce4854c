"""The state folder: where the store and the Unix socket are. Whoever opens the store makes it first.

Owns making it, and saying why that cannot be done. A state folder that is mistyped is the operator's mistake and not a
bug of ours, so it ends with EX_CANTCREAT instead of a traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.base import GatewayError

MODE: Final = 0o750


class StateFolderError(GatewayError):
    """The state folder is not there and cannot be made."""

    exit_code = 73  # EX_CANTCREAT


def make_state_folder(folder: Path) -> None:
    """Make the state folder where there is none; only its owner and its group may look into it."""
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise StateFolderError(
            f"the state folder {folder} cannot be made: {error.strerror}; "
            "name one that this user may make in [gateway] state_dir"
        ) from error
