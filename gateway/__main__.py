"""``python -m gateway`` and the ``gateway`` script."""

from __future__ import annotations

import sys

from gateway.cli.app import main as run


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(run())


if __name__ == "__main__":
    main()
