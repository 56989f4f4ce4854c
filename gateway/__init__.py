"""A carrier-facing SMPP gateway that keeps consent.

The packages and the direction of their imports are laid down in ``setup.cfg`` (import-linter) and explained in
``docs/architecture.md``.
"""
