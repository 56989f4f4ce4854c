"""From a file to a ``Config``, or to everything that is wrong with it.

Owns the order: TOML, secrets, each table by itself, then the whole. Reads the file, the secret files and the
environment, and nothing afterwards. A later step runs on what an earlier one could read, so that no mistake hides
another; a ``Config`` is only made when there is none at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from gateway.carriers.options import TLS_FILES, CarrierOptions
from gateway.config.crosscheck import Parts, whole
from gateway.config.lines import check_lines
from gateway.config.options import SECTIONS, Config, GatewayOptions, state_directory
from gateway.config.problems import ConfigErrors, Problem
from gateway.config.secrets import SecretFinder, element
from gateway.config.validate import near, tolerant
from gateway.policy.options import LineOptions
from gateway.store.options import StoreOptions
from gateway.telemetry.options import LogOptions
from gateway.web.options import HttpOptions

_PLACE: Final = re.compile(
    r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|(?P<end>end of document))\)"
)


def load(file: Path, environ: Mapping[str, str] | None = None, *, secrets: bool = True) -> Config:
    """Read and check the configuration in ``file``; raise ConfigErrors with every problem in it.

    ``environ`` is the process environment unless a caller brings its own. Without ``secrets``, a secret that cannot be
    had is no problem but empty: for whoever binds to nobody and may not read them.
    """
    env = os.environ if environ is None else environ
    reader = _Reader(file, env, secrets)
    raw = reader.toml()
    reader.tables(raw)
    return reader.config()


class _Reader:
    """One loading: what has been understood so far, and what has not."""

    def __init__(self, file: Path, environ: Mapping[str, str], secrets: bool) -> None:
        self._file = file
        self._needs_secrets = secrets
        self._environ = environ
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._one: dict[str, BaseModel] = {}
        self._many: dict[str, list[BaseModel]] = {}
        self._names: dict[str, list[str]] = {}
        self._secrets = SecretFinder(file, environ)

    def toml(self) -> dict[str, Any]:
        """Return the file's content; raise ConfigErrors at once if it is no TOML."""
        try:
            return tomllib.loads(self._file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigErrors(
                [
                    Problem(
                        self._file,
                        "",
                        f"cannot be read: {error.strerror}",
                        "name the configuration, which you may read, with -c FILE",
                    )
                ]
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigErrors(
                [Problem(self._file, "", f"is not UTF-8 text (octet {error.start})", "save it as UTF-8")]
            ) from error
        except ValueError as error:  # TOMLDecodeError is one, and so is a number of thousands of digits
            raise ConfigErrors([_bad_toml(self._file, str(error))]) from error

    def tables(self, raw: dict[str, Any]) -> None:
        """Check every table of the file by itself."""
        known = [name for name, _model, _many in SECTIONS]
        for name in raw.keys() - set(known):
            right = near(name, known) or f"tables are: {', '.join(known)}"
            self._problem(name, "unknown table" if isinstance(raw[name], dict | list) else "unknown key", right)
        for name, model, many in SECTIONS:
            if many:
                self._array(name, model, raw.get(name, []))
            else:
                self._table(name, model, raw.get(name, {}))

    def _table(self, name: str, model: type[BaseModel], value: object) -> None:
        if not isinstance(value, dict):
            self._problem(name, "is not a table", f"write it as [{name}]")
            return
        found = self._checked(name, model, value)
        if found is not None:
            self._one[name] = found

    def _array(self, name: str, model: type[BaseModel], value: object) -> None:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._problem(name, "is not an array of tables", f"write each as [[{name}]]")
            self._names[name] = ["?"]  # there is something; that it is none of any use has been said
            value = []
        else:
            self._names[name] = [_name(item, index) for index, item in enumerate(value)]
        found = [self._checked(element(name, item, index), model, item) for index, item in enumerate(value)]
        self._many[name] = [item for item in found if item is not None]

    def _checked(self, at: str, model: type[BaseModel], table: dict[str, Any]) -> BaseModel | None:
        rooted = {key: self._rooted(key, value) for key, value in table.items()}
        found, problems = tolerant(model, self._secrets.resolve(model, rooted, at), at, self._file)
        self._problems += problems
        return found

    def _rooted(self, key: str, value: object) -> object:
        """Return the path of a TLS file as seen from the configuration, like every other path in it."""
        if key not in TLS_FILES or not isinstance(value, str) or not value:
            return value
        return str(self._file.absolute().parent / value)

    def config(self) -> Config:
        """Check the whole and return it; raise ConfigErrors with all that has been found."""
        carriers = tuple(item for item in self._many["carrier"] if isinstance(item, CarrierOptions))
        lines = tuple(item for item in self._many["line"] if isinstance(item, LineOptions))
        gateway, log, store, http = (self._one.get(name) for name in ("gateway", "log", "store", "http"))
        parts = Parts(
            self._file,
            gateway.max_segments if isinstance(gateway, GatewayOptions) else None,
            store if isinstance(store, StoreOptions) else None,
            http if isinstance(http, HttpOptions) else None,
            carriers,
            lines,
            self._names["carrier"],
            self._names["line"],
        )
        for wrong, odd in (whole(parts), check_lines(self._file, lines)):
            self._problems += wrong
            self._warnings += odd
        if self._needs_secrets:
            self._problems += self._secrets.problems
        if self._problems:
            raise ConfigErrors(self._problems)
        assert isinstance(gateway, GatewayOptions)  # noqa: S101 - no problem means that every section was understood
        assert isinstance(log, LogOptions)  # noqa: S101
        assert isinstance(store, StoreOptions)  # noqa: S101
        assert isinstance(http, HttpOptions)  # noqa: S101
        self._warnings += self._readable_secrets()
        return Config(
            path=self._file,
            state_dir=state_directory(gateway.state_dir, self._file, self._environ),
            gateway=gateway,
            log=log,
            store=store,
            http=http,
            carriers=carriers,
            lines=lines,
            config_hash=fingerprint([gateway, log, store, http, *carriers, *lines]),
            warnings=tuple(self._warnings),
        )

    def _readable_secrets(self) -> list[Problem]:
        if not self._secrets.literal or not self._file.stat().st_mode & 0o004:
            return []
        right = "use env:NAME or a _file key, or take the right to read from others (chmod o-r)"
        return [
            Problem(self._file, key, "is in a file that everybody may read", right) for key in self._secrets.literal
        ]

    def _problem(self, key: str, what: str, right: str) -> None:
        self._problems.append(Problem(self._file, key, what, right))


def fingerprint(parts: list[BaseModel]) -> str:
    """Return the SHA-256 (hex) of all effective values in their canonical form; secrets are left out."""
    values = [[type(part).__name__, part.model_dump(mode="python", by_alias=True)] for part in parts]
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: object) -> str:
    return "" if isinstance(value, SecretStr) else str(value)


def _name(item: Mapping[str, Any], index: int) -> str:
    return element("", item, index)[1:-1]


def _bad_toml(file: Path, message: str) -> Problem:
    found = _PLACE.fullmatch(message)
    right = 'the file must be TOML, such as: name = "acme"'
    if found is None:
        return Problem(file, "", message, right)
    where = f"line {found['line']}, column {found['column']}" if found["line"] else "end of the file"
    return Problem(file, where, found["what"], right)
