"""The command line: one file a command in ``commands/``, and one place where every error becomes one clear line."""
