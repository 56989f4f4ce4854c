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
    return wrong, [*_deaf_or_mute(parts), *_odd_shares(parts), *_idle(parts), *_long_logins(parts), *_broken_quirks()]


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
    known = list(dict.fromkeys(name for index, name in enumerate(parts.carrier_names) if name not in (str(index), "?")))
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


def _serving(parts: Parts) -> Iterable[tuple[str, list[CarrierOptions]]]:
    """Yield the key of each line's carriers, with those that are well-formed."""
    by_name = {carrier.name: carrier for carrier in parts.carriers}
    for line in parts.lines:
        yield f"line[{line.address}].carriers", [by_name[name] for name in line.carriers if name in by_name]


def _deaf_or_mute(parts: Parts) -> Iterable[Problem]:
    """Yield lines that no STOP can reach, and those that can confirm none."""
    for at, serving in _serving(parts):
        for mode, what, others in (
            (Mode.TRANSMITTER, "none of them receives, so that no STOP can arrive here", "receiver"),
            (Mode.RECEIVER, "none of them submits, so that nothing can be answered, not even STOP", "transmitter"),
        ):
            if serving and all(carrier.mode is mode for carrier in serving):
                right = f'add a carrier whose mode is "transceiver", "transmitter+receiver" or "{others}"'
                yield Problem(parts.file, at, what, right)


def _odd_shares(parts: Parts) -> Iterable[Problem]:
    """Yield lines whose carriers' weights and prefixes cannot be meant."""
    for at, serving in _serving(parts):
        submitting = [carrier for carrier in serving if carrier.mode is not Mode.RECEIVER]
        if len(submitting) > 1 and not any(carrier.weight for carrier in submitting):
            yield Problem(parts.file, at, "all have weight 0", "give those that shall share the line a weight")
        prefixes = [prefix for carrier in submitting for prefix in carrier.prefixes]
        for prefix in dict.fromkeys(prefix for prefix in prefixes if prefixes.count(prefix) > 1):
            yield Problem(parts.file, at, f'several of them have the prefix "{prefix}"', "leave it to one of them")


def _idle(parts: Parts) -> Iterable[Problem]:
    used = {name for line in parts.lines for name in line.carriers}
    for carrier in parts.carriers:
        if parts.lines and carrier.name not in used:
            right = "name it in a line's carriers, or take it out; it is bound all the same"
            yield Problem(parts.file, f"carrier[{carrier.name}]", "no line uses it", right)


def _long_logins(parts: Parts) -> Iterable[Problem]:
    """Yield logins that are longer than SMPP 3.4 allows (sections 5.2.1 and 5.2.2): some carriers refuse them."""
    for carrier in parts.carriers:
        if habits(carrier).truncate_login:
            continue
        for key, value, most in (("system_id", carrier.system_id, 15), ("password", carrier.password, 8)):
            if len(value if isinstance(value, str) else value.get_secret_value()) > most:
                what = f"has more than {most} characters, which SMPP 3.4 does not allow"
                right = "if the carrier refuses the bind, set truncate_login"
                yield Problem(parts.file, f"carrier[{carrier.name}].{key}", what, right)


def _broken_quirks() -> Iterable[Problem]:
    """Yield files beside the quirks that are none. A carrier that names one is told so at its key, as an error."""
    for fault in quirk_faults():
        yield Problem(Path(fault.file), "", fault.why, "no carrier can use it until it is mended or taken away")
