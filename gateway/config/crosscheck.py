"""What only the whole configuration can tell: names that must be unique, and names that must exist.

Pure. Sees what is well-formed, and the names of what is not, so that one mistake does not make a second one appear.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.carriers.options import CarrierOptions, Mode
from gateway.config.problems import Problem
from gateway.config.validate import near
from gateway.policy.options import LineOptions
from gateway.web.options import HttpOptions


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read: well-formed parts, and ``carrier_names`` and ``line_addresses`` as the file has them."""

    file: Path
    http: HttpOptions | None
    carriers: Sequence[CarrierOptions]
    lines: Sequence[LineOptions]
    carrier_names: Sequence[str]
    line_addresses: Sequence[str]


def whole(parts: Parts) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with the whole, and what is odd about it."""
    wrong = [*_twice(parts), *_nothing_there(parts), *_carriers_of_lines(parts), *_addresses(parts)]
    return wrong, list(_deaf(parts))


def _twice(parts: Parts) -> Iterable[Problem]:
    for kind, key, names in (
        ("carrier", "name", parts.carrier_names),
        ("line", "address", parts.line_addresses),
    ):
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            many = names.count(name)
            yield Problem(
                parts.file, f"{kind}[{name}].{key}", f"stands {many} times", f"each [[{kind}]] needs its own {key}"
            )


def _nothing_there(parts: Parts) -> Iterable[Problem]:
    for kind, names, why in (
        ("carrier", parts.carrier_names, "a gateway needs a carrier to bind to"),
        ("line", parts.line_addresses, "a gateway needs a line that subscribers text to"),
    ):
        if not names:
            yield Problem(parts.file, kind, f"there is no [[{kind}]]", why)


def _carriers_of_lines(parts: Parts) -> Iterable[Problem]:
    known = list(dict.fromkeys(parts.carrier_names))
    for line in parts.lines:
        at = f"line[{line.address}].carriers"
        if not line.carriers:
            yield Problem(parts.file, at, "names no carrier", f"name one or more of: {', '.join(known)}")
        for name in line.carriers:
            if name not in known:
                right = near(name, known) or f"carriers here are: {', '.join(known) or 'none'}"
                yield Problem(parts.file, at, f'there is no carrier "{name}"', right)
        if len(set(line.carriers)) != len(line.carriers):
            yield Problem(parts.file, at, "names a carrier twice", "name each carrier once")


def _addresses(parts: Parts) -> Iterable[Problem]:
    if parts.http is None:
        return
    every = [*parts.http.listen, *parts.http.public_listen]
    for address in dict.fromkeys(item for item in every if every.count(item) > 1 and not item.endswith(":0")):
        yield Problem(
            parts.file, "http", f"{address} stands twice", "listen and public_listen need different addresses"
        )


def _deaf(parts: Parts) -> Iterable[Problem]:
    """Yield lines that no STOP can reach."""
    by_name = {carrier.name: carrier for carrier in parts.carriers}
    for line in parts.lines:
        serving = [by_name[name] for name in line.carriers if name in by_name]
        if serving and all(carrier.mode is Mode.TRANSMITTER for carrier in serving):
            yield Problem(
                parts.file,
                f"line[{line.address}].carriers",
                "none of them receives, so that no STOP can arrive here",
                'add a carrier whose mode is "transceiver", "transmitter+receiver" or "receiver"',
            )
