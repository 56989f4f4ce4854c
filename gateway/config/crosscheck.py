"""What only the whole configuration can tell: names that must be unique, and names that must exist.

Pure. Sees what is well-formed, and the names of what is not, so that one mistake does not make a second one appear.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.carriers.habits import habits
from gateway.carriers.options import CarrierOptions, Mode
from gateway.carriers.quirks import faults as quirk_faults
from gateway.config.lines import placed
from gateway.config.problems import Problem
from gateway.config.validate import near
from gateway.model.address import read_line
from gateway.model.permit import Writing
from gateway.policy.check import Problem as LineProblem
from gateway.policy.check import line_texts
from gateway.policy.options import LineOptions
from gateway.store.engines import engines
from gateway.store.options import StoreOptions
from gateway.traffic.cutting import count
from gateway.web.options import HttpOptions


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read: well-formed parts, and ``carrier_names`` and ``line_addresses`` as the file has them.

    ``max_segments`` is None where ``[gateway]`` could not be read. What has no name is listed by its index.
    """

    file: Path
    max_segments: int | None
    store: StoreOptions | None
    http: HttpOptions | None
    carriers: Sequence[CarrierOptions]
    lines: Sequence[LineOptions]
    carrier_names: Sequence[str]
    line_addresses: Sequence[str]


def whole(parts: Parts) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with the whole, and what is odd about it."""
    wrong = [
        *_twice(parts),
        *_spelt_otherwise(parts),
        *_nothing_there(parts),
        *_carriers_of_lines(parts),
        *_engine(parts),
        *_addresses(parts),
        *_long_texts(parts),
    ]
    return wrong, [*_deaf(parts), *_broken_quirks()]


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


def _spelt_otherwise(parts: Parts) -> Iterable[Problem]:
    """Yield lines that are one number in two spellings: the store keeps one row for both."""
    first: dict[str, str] = {}
    for address in dict.fromkeys(parts.line_addresses):
        before = first.setdefault(read_line(address), address)
        if before != address:
            yield Problem(
                parts.file,
                f"line[{address}].address",
                f'is "{before}" in another spelling',
                "each [[line]] needs its own address",
            )


def _nothing_there(parts: Parts) -> Iterable[Problem]:
    for kind, names, why in (
        ("carrier", parts.carrier_names, "a gateway needs a carrier to bind to"),
        ("line", parts.line_addresses, "a gateway needs a line that subscribers text to"),
    ):
        if not names:
            yield Problem(parts.file, kind, f"there is no [[{kind}]]", why)


def _carriers_of_lines(parts: Parts) -> Iterable[Problem]:
    known = list(dict.fromkeys(name for index, name in enumerate(parts.carrier_names) if name != str(index)))
    for line in parts.lines:
        at = f"line[{line.address}].carriers"
        if not line.carriers:
            right = f"name one or more of: {', '.join(known)}" if known else "add a [[carrier]], and name it here"
            yield Problem(parts.file, at, "names no carrier", right)
        for name in line.carriers:
            if name not in known:
                right = near(name, known) or f"carriers here are: {', '.join(known) or 'none'}"
                yield Problem(parts.file, at, f'there is no carrier "{name}"', right)
        if len(set(line.carriers)) != len(line.carriers):
            yield Problem(parts.file, at, "names a carrier twice", "name each carrier once")


def _engine(parts: Parts) -> Iterable[Problem]:
    scheme = parts.store.url.partition(":")[0] if parts.store else None
    if scheme is not None and scheme not in engines():
        known = ", ".join(f'"{name}:"' for name in engines())
        yield Problem(parts.file, "store.url", f'"{scheme}:" is no database that we know', f"there is {known}")


def _long_texts(parts: Parts) -> Iterable[Problem]:
    """Yield answers over the limit that sends are held to, as the line's carriers get long texts."""
    if (most := parts.max_segments) is None:
        return
    writings = {carrier.name: habits(carrier).writing for carrier in parts.carriers}
    for line in parts.lines:
        asked = {writings[name] for name in line.carriers if name in writings} or {Writing()}
        for key, text in line_texts(line):
            takes = max(count(text.replace("{name}", line.title), writing) for writing in asked)
            if takes > most:
                found = LineProblem(key, f"takes {takes} segments", f"at most {most}, as [gateway] max_segments says")
                yield placed(parts.file, line, found)


def _addresses(parts: Parts) -> Iterable[Problem]:
    if parts.http is None:
        return
    every = parts.http.listen
    for address in dict.fromkeys(item for item in every if every.count(item) > 1 and not item.endswith(":0")):
        yield Problem(parts.file, "http.listen", f"{address} stands twice", "name each address once")


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


def _broken_quirks() -> Iterable[Problem]:
    """Yield files beside the quirks that are none. A carrier that names one is told so at its key, as an error."""
    for fault in quirk_faults():
        yield Problem(Path(fault.file), "", fault.why, "no carrier can use it until it is mended or taken away")
