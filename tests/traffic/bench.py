"""What the tests of traffic share: lines, texts, and a store to run single transactions on."""

from __future__ import annotations

import atexit
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from gateway.carriers.statuses import Verdict, verdict
from gateway.model.address import Msisdn
from gateway.model.consent import Standing
from gateway.model.messages import Arrival, Concat, Draft, Lane, MessageState, Mo, Mt, Receipt, Unreadable
from gateway.model.permit import Grounds
from gateway.policy.compile import compile_line
from gateway.policy.options import KeywordOptions, LineOptions
from gateway.sms.segments import count_segments
from gateway.store.hot_consent import save_standings, standings
from gateway.store.hot_messages import NewMt, add_mts, mts
from gateway.store.jobs import Committer, Identity, Job
from gateway.store.lines import LineSpec, sync_lines
from gateway.store.tx import Tx
from gateway.traffic.intake import take_in
from gateway.traffic.rulebook import LineEntry, RuleBook, Way, rule_book
from gateway.traffic.taken import Batch, Intake
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults
from tests.kit.stores import committer, copy_store, engine_at, keep, kind, look, migrated, remove

T = TypeVar("T")
LINE, OTHER = "85700", "85701"
ANNE, BOB, CARL = Msisdn("+12125550101"), Msisdn("+12125550102"), Msisdn("+12125550103")
SESSION = "life-acme/0-1"
KEYWORDS = (
    KeywordOptions(word="JOIN", action="join", list="alerts", user_reply="On the list.", auto_welcome="Welcome!"),
    KeywordOptions(word="NEWS", action="join", list="news", user_reply="News it is."),
    KeywordOptions(word="VIP", action="join", list="vip", user_reply="VIP.", rejoin=False),
)
LINE_ID, OTHER_ID = 1, 2


def line_options(address: str = LINE, **changes: Any) -> LineOptions:
    """A line that allows those whose consent is not defined, with three keywords."""
    facts = {"name": "Acme", "unknown": "allow", "keyword": KEYWORDS, "carriers": ("acme",)} | changes
    return LineOptions(address=address, **facts)


def book(*options: LineOptions, stop_scope: str = "line", **limits: int) -> RuleBook:
    """Lines 1, 2, ... in this order; by default LINE and OTHER."""
    lines = options or (line_options(), line_options(OTHER))
    return rule_book(
        [
            LineEntry(
                compile_line(line, number, stop_scope=stop_scope),
                tuple(map(Way, line.carriers)),
                line.region,
                max_backlog=line.max_backlog,
            )
            for number, line in enumerate(lines, 1)
        ],
        "c0ffee",
        stop_scope=stop_scope,
        **limits,
    )


_numbers: Iterator[int] = iter(range(1, 1 << 62))


def mo(text: str, subscriber: Msisdn = ANNE, line: str = LINE, **changes: Any) -> Mo:
    """An MO with a sequence number of its own."""
    raw = changes.pop("raw", text.encode())
    concat = changes.get("concat")
    digest = blake2b(raw + repr(concat).encode(), digest_size=16).digest()
    facts = {
        "carrier": "acme", "bind": "acme/0", "session": SESSION, "sequence": next(_numbers), "line": line,
        "subscriber": subscriber, "text": text, "raw": raw, "data_coding": 0, "fingerprint": digest,
        "received_at": FakeClock.wall_,
    }  # fmt: skip
    return Mo(**facts | changes)


def parts(text: str, cuts: Sequence[int], reference: int = 7, **changes: Any) -> list[Mo]:
    """The parts of a long text, cut at these places."""
    edges = [0, *cuts, len(text)]
    total = len(edges) - 1
    return [mo(text[edges[n] : edges[n + 1]], concat=Concat(reference, total, n + 1), **changes) for n in range(total)]


def receipt(*carrier_ids: str, state: MessageState | None = MessageState.DELIVERED, carrier: str = "acme") -> Receipt:
    """A delivery receipt."""
    return Receipt(carrier, "acme/0", SESSION, next(_numbers), carrier_ids, state, "000", FakeClock.wall_)


def unreadable(status: int = 1, *, answer: bool = True) -> Unreadable:
    """A PDU that nobody could read."""
    return Unreadable("acme", "acme/0", SESSION, next(_numbers), status, "no NUL", b"\0\1", FakeClock.wall_, answer)


def draft(text: str = "hi", subscriber: Msisdn = ANNE, lane: Lane = Lane.NORMAL, **changes: Any) -> Draft:
    """A message that nobody has judged yet."""
    facts = {"line_id": LINE_ID, "claim": Grounds.CONSENT, "opt_outs": 0} | changes
    return Draft(subscriber=subscriber, text=text, lane=lane, **facts)


def verdicts(carrier: str, status: int) -> Verdict:
    """No carrier has a quirk."""
    return verdict(status, {})


def template() -> Path:
    """Return the directory of a store with its schema and two lines; never written to again."""
    return _template(kind())


@cache
def _template(_kind: str) -> Path:
    directory = Path(mkdtemp(prefix="traffic-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    keep(directory)
    with closing(committer(migrated(directory))) as made:
        run(made, lambda tx: sync_lines(tx, [LineSpec(LINE, lists=("alerts", "news", "vip")), LineSpec(OTHER)]))
    return directory


@contextmanager
def fresh() -> Iterator[Path]:
    """A directory for one run; in memory where the system has such a place, since syncs take time."""
    memory = Path("/dev/shm")  # noqa: S108 - the directory inside is a fresh one of ours
    directory = Path(mkdtemp(prefix="traffic-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield directory
    finally:
        remove(directory)
        shutil.rmtree(directory)


@contextmanager
def closing(made: Committer) -> Iterator[Committer]:
    """Close it at the end."""
    try:
        yield made
    finally:
        made.close()


def run(made: Committer, fn: Callable[[Tx], T]) -> T:
    """Run one job; return its result, or raise what it failed with."""
    results: list[T] = []
    errors: list[Exception] = []
    for completion in made.run([Job(fn, results.append, errors.append, "test")]).completions:
        completion.deliver()
    if errors:
        raise errors[0]
    return results[0]


class Bench:
    """A store of one test. ``tx`` runs a transaction on it; ``life`` counts its starts."""

    def __init__(self, directory: Path, faults: Faults | None = None) -> None:
        self.directory = directory
        self.clock = FakeClock()
        self.book = book()
        self.life = 1
        copy_store(template(), directory)
        self._engine = engine_at(directory, faults)
        self._committer = committer(self._engine, self.clock)

    def tx(self, fn: Callable[[Tx], T]) -> T:
        return run(self._committer, fn)

    def restart(self) -> None:
        """End this life of the process, and begin the next."""
        self._committer.close()
        self.life += 1
        self._committer = Committer(self._engine, self.clock)
        self._committer.identity = Identity("gw1", 1, self.life)

    def close(self) -> None:
        self._committer.close()

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        return look(self.directory, sql, params)

    def one(self, sql: str, *params: object) -> Any:
        """Return the only value of the only row."""
        ((value,),) = self.rows(sql, *params)
        return value

    # Texts.

    def take(
        self,
        *arrivals: Arrival,
        disturbed: bool = False,
        first_came: float | None = None,
        alive: Sequence[str] = (SESSION,),
        book: RuleBook | None = None,
    ) -> Intake:
        """Take in one batch."""
        count = len(arrivals)
        batch = Batch(arrivals, [disturbed] * count, [first_came] * count, frozenset(alive), book or self.book)
        return self.tx(lambda tx: take_in(tx, batch, verdicts))

    def say(self, text: str, subscriber: Msisdn = ANNE, line: str = LINE, **changes: Any) -> str:
        """Take in one text; return its outcome."""
        return self.take(mo(text, subscriber, line, received_at=self.clock.wall(), **changes)).taken[0].outcome

    def standing(self, subscriber: Msisdn = ANNE, line_id: int = LINE_ID) -> Standing:
        key = (line_id, subscriber)
        return self.tx(lambda tx: standings(tx, [key])[key])

    def put(self, after: Standing) -> None:
        """Store a standing."""
        before = self.standing(after.subscriber, after.line_id)
        self.tx(lambda tx: save_standings(tx, [(before, after)]))

    # Messages.

    def queue(self, text: str = "hi", subscriber: Msisdn = ANNE, lane: Lane = Lane.NORMAL, **changes: Any) -> int:
        """Queue a message without asking anybody; return its id."""
        return self.fill([draft(text, subscriber, lane, **changes)])[0]

    def fill(self, drafts: Sequence[Draft]) -> list[int]:
        """Queue many, in one transaction; return their ids."""

        def job(tx: Tx) -> list[int]:
            first = tx.allocate("message", len(drafts))
            ids = list(range(first, first + len(drafts)))
            add_mts(tx, [NewMt(id_, item, count_segments(item.text)) for id_, item in zip(ids, drafts, strict=True)])
            return ids

        return self.tx(job)

    def mt(self, message_id: int) -> Mt:
        return self.tx(lambda tx: mts(tx, [message_id]))[message_id]

    def state(self, message_id: int) -> MessageState:
        return self.mt(message_id).state

    def outbox(self, subscriber: Msisdn = ANNE) -> list[tuple[str, str]]:
        """Return (text, state) of everything to this subscriber, in order."""
        rows = self.rows(
            "select text, state from message where direction = 1 and subscriber = ? order by id", subscriber
        )
        return [(text, MessageState(state).word) for text, state in rows]

    def evidence(self, subscriber: Msisdn = ANNE) -> list[str]:
        return [row[0] for row in self.rows("select kind from evidence where subscriber = ? order by id", subscriber)]
