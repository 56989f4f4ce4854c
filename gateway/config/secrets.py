"""Finding secrets: in the environment (``env:NAME``), in a file (``password_file``), or as they stand.

Any key that holds a secret has a twin that ends in ``_file``. The file's name is looked for among the service's
credentials first (``$CREDENTIALS_DIRECTORY``, systemd's LoadCredential), then the file beside the configuration. Works
on the raw table, before it is validated: afterwards a secret is a ``SecretStr`` and shows itself to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from gateway.config.problems import Problem
from gateway.config.schema import IDENTITIES, keys

MOST_OCTETS: Final = 65_536


class SecretFinder:
    """Replaces references to secrets by the secrets; collects what went wrong in ``problems``."""

    def __init__(self, file: Path, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ
        self.problems: list[Problem] = []
        self.literal: list[str] = []  # keys whose secret stands in the file itself

    def resolve(self, model: type[BaseModel], table: dict[str, Any], at: str) -> dict[str, Any]:
        """Return ``table`` (of ``model``, at key ``at``) with every reference to a secret replaced, at any depth.

        A reference that leads nowhere becomes the empty secret, so that the rest of the table can still be checked.
        """
        result = dict(table)
        for key in keys(model).values():
            if key.table is not None:
                inner = result.get(key.name)
                if isinstance(inner, list):
                    result[key.name] = [
                        self.resolve(key.table, item, element(f"{at}.{key.name}", item, index))
                        if isinstance(item, dict)
                        else item
                        for index, item in enumerate(inner)
                    ]
                elif isinstance(inner, dict):
                    result[key.name] = self.resolve(key.table, inner, f"{at}.{key.name}")
            elif key.secret:
                self._one(result, key.name, at)
        return result

    def _one(self, table: dict[str, Any], name: str, at: str) -> None:
        twin = f"{name}_file"
        if twin in table:
            reference = table.pop(twin)
            if name in table:
                self._problem(f"{at}.{twin}", f"stands beside {name}", f"give one of {name} and {twin}")
            else:
                table[name] = self._read(reference, f"{at}.{twin}")
            return
        value = table.get(name)
        if not isinstance(value, str):
            return
        if value.startswith("env:"):
            table[name] = self._from_environment(value.removeprefix("env:"), f"{at}.{name}")
        elif value:
            self.literal.append(f"{at}.{name}")

    def _from_environment(self, variable: str, key: str) -> str:
        value = self._environ.get(variable)
        if value is None:
            self._problem(
                key,
                f"the environment variable {variable or '(no name)'} is not set",
                f"set it, or use {key.rpartition('.')[2]}_file",
            )
        return value or ""

    def _read(self, reference: object, key: str) -> str:
        if not isinstance(reference, str) or not reference:
            self._problem(key, "is not the name of a file", f'write {key.rpartition(".")[2]} = "name"')
            return ""
        path = self._find(reference)
        try:
            content = path.read_bytes()
        except OSError as error:
            self._problem(key, f"cannot read {path}: {error.strerror}", "name a file that the gateway's user may read")
            return ""
        if len(content) > MOST_OCTETS:
            self._problem(key, f"{path} holds {len(content)} octets", f"a secret has at most {MOST_OCTETS}")
            return ""
        try:
            secret = content.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            self._problem(key, f"{path} is not UTF-8 text", "write the secret as text, on one line")
            return ""
        if not secret:
            self._problem(key, f"{path} is empty", "write the secret into it, on one line")
        return secret

    def _find(self, reference: str) -> Path:
        credentials = self._environ.get("CREDENTIALS_DIRECTORY", "")
        if credentials:
            path = Path(credentials) / Path(reference).name
            if path.is_file():
                return path
        return self._file.absolute().parent / reference

    def _problem(self, key: str, what: str, right: str) -> None:
        self.problems.append(Problem(self._file, key, what, right))


def element(key: str, item: Mapping[str, Any], index: int) -> str:
    """Return how to speak of one table of an array: ``line[85700]``, or ``line[0]`` where nothing names it."""
    name = next((item[word] for word in IDENTITIES if isinstance(item.get(word), str) and item[word]), None)
    return f"{key}[{name if name is not None else index}]"
