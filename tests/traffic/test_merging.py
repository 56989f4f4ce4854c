"""Merging a suppression log: a restored store ends where the original ended, and never with a wider consent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.model.consent import ConsentStatus, EvidenceKind, Hold, Standing
from gateway.policy.transitions import status_of
from gateway.store.evidence import COLUMNS, verify
from gateway.store.jobs import Committer, Identity
from gateway.store.suppression import ACCOUNT, BEGIN, Place, Record, read
from gateway.store.suppression_log import SuppressionLog
from gateway.traffic.merging import Event, Fate, Merged, judge, merge
from tests.kit.clock import FakeClock
from tests.kit.stores import copy_store, engine_at
from tests.kit.suppression import AT, record
from tests.traffic.bench import ANNE, BOB, LINE, LINE_ID, OTHER, OTHER_ID, Bench, book, fresh

OUT, IN = ConsentStatus.OPTED_OUT, ConsentStatus.OPTED_IN
HOLDING = "cancel my appointment"


class Original(Bench):
    """A bench that keeps a suppression log."""

    def __init__(self, directory: Path, node: str = "gw1") -> None:
        super().__init__(directory)
        self.path = directory / "suppression.log"
        self.log = SuppressionLog(self.path)
        self.log.begin(node, 1, 0, self.clock.wall())
        self._open()

    def _open(self) -> None:
        self._committer.close()
        self._committer = Committer(self._engine, self.clock, log=self.log)
        self._committer.identity = Identity("gw1", 1, self.life)

    def backup(self, directory: Path) -> None:
        """Copy the store as it is, and go on."""
        self._committer.close()
        copy_store(self.directory, directory)
        self._open()

    @property
    def records(self) -> list[Record]:
        return [read(line) for line in self.path.read_text().splitlines()]

    def close(self) -> None:
        super().close()
        self.log.close()


class Restored(Bench):
    """A store that was copied from another, in an incarnation of its own; its clock is an hour ahead."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = FakeClock()
        self.clock.advance(3600)
        self.book = book()
        self.life = 2
        self._engine = engine_at(directory)
        self._committer = Committer(self._engine, self.clock)
        self._committer.identity = Identity("gw1", 2, 2)

    def merge(self, records: Sequence[Record]) -> Merged:
        return self.tx(lambda tx: merge(tx, records, "c0ffee"))


@contextmanager
def pair(node: str = "gw1") -> Iterator[tuple[Original, Path]]:
    """An original, and a place for its backup."""
    with fresh() as here, fresh() as there:
        original = Original(here, node)
        try:
            yield original, there
        finally:
            original.close()


def narrow(standing: Standing) -> tuple[bool, bool, frozenset[str]]:
    """Return how a standing is narrow: out, held, and off which lists."""
    lists = frozenset(name for name, status in standing.lists.items() if status is OUT)
    return status_of(standing) is OUT, standing.hold is not None, lists


PAIRS = tuple(itertools.product((ANNE, BOB), (LINE_ID, OTHER_ID)))
TEXTS = ("JOIN", "NEWS", "VIP", "STOP", "STOP NEWS", "STOP ALL", "START", "HELP", HOLDING, "hello")
said = st.lists(
    st.tuples(st.sampled_from(TEXTS), st.sampled_from((ANNE, BOB)), st.sampled_from((LINE, OTHER))), max_size=9
)


@settings(max_examples=25, deadline=None)
@given(before=said, after=said, again=st.booleans(), node=st.sampled_from(("gw1", "other")))
@example(before=[(HOLDING, ANNE, LINE)], after=[("JOIN", ANNE, LINE)], again=True, node="other")
def test_a_restored_store_ends_where_the_original_ended(before: Any, after: Any, again: bool, node: str) -> None:
    """Also where no place in the log is one that the store knows, so that times alone must tell what is new."""
    with pair(node) as (original, there):
        for text, subscriber, line in before:
            original.clock.advance(1)
            original.say(text, subscriber, line)
        original.backup(there)
        for text, subscriber, line in after:
            original.clock.advance(1)
            original.say(text, subscriber, line)
        restored = Restored(there)
        try:
            counts = []
            for _ in range(1 + again):
                merged = restored.merge(original.records)
                counts.append(restored.one("select count(*) from evidence"))
                for subscriber, line_id in PAIRS:
                    expected = narrow(original.standing(subscriber, line_id))
                    assert narrow(restored.standing(subscriber, line_id)) == expected, (subscriber, line_id)
            if again:
                assert merged.fates[Fate.APPLIED] == merged.fates[Fate.LIFTED] == 0
                assert counts[0] == counts[1]
            columns = ", ".join(COLUMNS)
            rows = restored.rows(f"select {columns} from evidence order by node, incarnation, seq")  # noqa: S608
            assert list(verify(rows)) == []
        finally:
            restored.close()


@settings(max_examples=25, deadline=None)
@given(before=said, after=said, meanwhile=said)
def test_what_is_texted_after_the_restore_outlives_the_merge(before: Any, after: Any, meanwhile: Any) -> None:
    """Whoever says STOP to the restored store stays out, whatever the log has of before."""
    with pair() as (original, there):
        for text, subscriber, line in before:
            original.clock.advance(1)
            original.say(text, subscriber, line)
        original.backup(there)
        for text, subscriber, line in after:
            original.clock.advance(1)
            original.say(text, subscriber, line)
        restored = Restored(there)
        try:
            last: dict[Any, str] = {}
            for text, subscriber, line in meanwhile:
                restored.clock.advance(1)
                restored.say(text, subscriber, line)
                last[subscriber, line] = text
            earlier = {key: narrow(restored.standing(*key)) for key in PAIRS}
            restored.merge(original.records)
            for subscriber, line in itertools.product((ANNE, BOB), (LINE, OTHER)):
                key = (subscriber, LINE_ID if line == LINE else OTHER_ID)
                if last.get((subscriber, line)) in ("STOP", "STOP ALL"):
                    assert narrow(restored.standing(*key))[0]
                if last.get((subscriber, line)) == "START" and not earlier[key][0]:
                    assert not narrow(restored.standing(*key))[0], "a later START of their own counts"
        finally:
            restored.close()


def merged_into(bench: Bench, *records: Record) -> list[str]:
    """Merge records one by one; return what became of each."""
    fates = []
    for each in records:
        done = bench.tx(partial(merge, records=[each], config_hash="c0ffee"))
        fates += [fate.value for fate, count in done.fates.items() if count]
    return fates


def test_an_opt_out_has_evidence_refuses_what_waits_and_is_fenced(bench: Bench) -> None:
    waiting = bench.queue("news")
    done = bench.tx(lambda tx: merge(tx, [record(seq=5)], "c0ffee"))
    assert (done.narrowed, done.refused) == ([(LINE_ID, ANNE)], 1)
    assert bench.state(waiting).word == "refused"
    standing = bench.standing()
    assert (standing.status, standing.since, standing.source) == (OUT, AT + 5, "suppression_log")
    [row] = bench.rows("select kind, method, rule, occurred_at, note, status_before, status_after from evidence")
    assert row == ("opt_out", "suppression_log", "gw1/1/5", AT + 5, "by text, as the suppression log has it", 0, 2)


def test_an_opt_out_of_the_account_covers_lines_to_come(bench: Bench) -> None:
    everything = record(ACCOUNT, 0, line="", at=AT + 5)
    assert merged_into(bench, everything) == ["applied"]
    assert merged_into(bench, everything) == ["known"]
    assert status_of(bench.standing()) is OUT
    done = bench.tx(lambda tx: merge(tx, [everything, record(seq=5)], "c0ffee"))
    assert done.fates[Fate.APPLIED] == 1
    assert bench.standing().account_out


def test_a_line_that_this_store_does_not_know_gets_its_opt_outs(bench: Bench) -> None:
    assert merged_into(bench, record(seq=5, line="99999")) == ["applied"]
    assert bench.rows("select address, origin from line where address = '99999'") == [("99999", "unknown")]


def test_a_hold_holds_and_only_the_subscriber_ends_it(bench: Bench) -> None:
    hold = record("hold", 5)
    assert merged_into(bench, hold, record("hold", 6)) == ["applied", "outdone"]
    assert bench.standing().hold == Hold(AT + 5, 0)
    assert merged_into(bench, record("release", 7, method="portal")) == ["outdone"]
    assert merged_into(bench, record("release", 8)) == ["lifted"]
    assert bench.standing().hold is None
    assert merged_into(bench, record("release", 9)) == ["outdone"]
    assert bench.evidence() == ["hold", "release"]


def test_nobody_who_is_out_is_held(bench: Bench) -> None:
    assert merged_into(bench, record(seq=4), record("hold", 5)) == ["applied", "outdone"]
    assert bench.standing().hold is None


def test_lists_are_left_and_joined_each_for_itself(bench: Bench) -> None:
    left = record("list_leave", 5, list_name="news")
    assert merged_into(bench, left, record("list_join", 6, list_name="alerts")) == ["applied", "outdone"]
    assert dict(bench.standing().lists) == {"news": OUT}
    assert merged_into(bench, record("list_join", 7, list_name="news")) == ["lifted"]
    assert dict(bench.standing().lists) == {"news": IN}
    assert bench.rows("select list_name, status_before, status_after from evidence order by id") == [
        ("news", 0, 2),
        ("news", 2, 1),
    ]


@pytest.mark.parametrize("method", ["api", "cli", "portal", "import", "sign_up", "hold_expired", "carrier"])
def test_nothing_but_their_own_text_brings_anybody_back(method: str, bench: Bench) -> None:
    assert merged_into(bench, record(seq=4), record("opt_in", 5, method=method)) == ["applied", "outdone"]
    assert bench.standing().status is OUT
    assert merged_into(bench, record("opt_in", 6)) == ["lifted"]
    assert bench.standing().status is IN
    assert merged_into(bench, record("opt_in", 7)) == ["outdone"], "there is nothing to lift"


def test_an_opt_out_that_was_never_committed_does_no_harm(bench: Bench) -> None:
    """The log had it, the store did not take it, and the text came again: two records, one of them in the store."""
    bench.clock.wall_ = AT
    bench.say("STOP")
    stored = bench.rows("select seq, kind from evidence")
    assert stored == [(1, "opt_out")]
    twin = record(seq=1, hash="00")
    assert merged_into(bench, twin) == ["known"], "the store has an opt-out of theirs at that place"
    other = record("opt_in", 1)
    assert merged_into(bench, other) == ["outdone"], "but this one is not what the store has there, and is older"
    assert bench.evidence() == ["opt_out"]


def test_an_opt_out_of_before_they_came_back_is_outdone(bench: Bench) -> None:
    bench.clock.wall_ = AT + 100
    bench.say("STOP")
    bench.clock.advance(1)
    bench.say("START")
    early = record(seq=50, incarnation=7, at=AT + 50)
    late = record(seq=60, incarnation=7, at=AT + 200)
    assert merged_into(bench, early, late) == ["outdone", "applied"]


def test_lines_that_begin_a_log_change_nothing_nor_do_those_of_nobody(bench: Bench) -> None:
    assert merged_into(bench, record(BEGIN, 5), record(seq=6, subscriber="")) == []


def event(kind: str, seq: int, *, incarnation: int = 1, method: str = "text", **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "kind": kind,
        "method": method,
        "list_name": None,
        "place": Place("gw1", incarnation, seq),
        "at": AT + seq,
        "merged": "",
    }
    return Event(**fields | changes)


@pytest.mark.parametrize("kind", [*EvidenceKind, EvidenceKind.OPT_OUT])
def test_of_contrary_events_the_later_one_counts(kind: EvidenceKind) -> None:
    """Each kind of record against each kind of event, earlier and later, in one chain and in another."""
    one = record(kind.value, 5)
    narrows = kind in (EvidenceKind.OPT_OUT, EvidenceKind.LIST_LEAVE, EvidenceKind.HOLD)
    done = Fate.APPLIED if narrows else Fate.LIFTED
    for other, seq, incarnation in itertools.product(EvidenceKind, (4, 6), (1, 2)):
        fate = judge(one, [event(other.value, seq, incarnation=incarnation)])
        back = {EvidenceKind.OPT_IN, EvidenceKind.LIST_JOIN}
        contrary = (
            other in (back | {EvidenceKind.RELEASE} if kind is EvidenceKind.HOLD else back)
            if narrows
            else other in (EvidenceKind.OPT_OUT, EvidenceKind.LIST_LEAVE, EvidenceKind.HOLD)
        )
        assert fate is (Fate.OUTDONE if contrary and seq == 6 else done), (other, seq, incarnation)


def test_in_one_chain_the_place_counts_and_not_a_clock_that_was_set_back() -> None:
    stop = record(seq=5, at=AT + 1000)
    assert judge(stop, [event("opt_in", 6)]) is Fate.OUTDONE
    assert judge(stop, [event("opt_in", 6, incarnation=2)]) is Fate.APPLIED
    later = event("opt_in", 1, incarnation=2, method="suppression_log", merged="gw1/1/6")
    assert judge(stop, [later]) is Fate.OUTDONE, "what was merged keeps its place"


def test_another_list_is_another_matter() -> None:
    left = record("list_leave", 5, list_name="news")
    assert judge(left, [event("list_join", 6, list_name="alerts")]) is Fate.APPLIED
    assert judge(left, [event("opt_in", 6)]) is Fate.APPLIED
    assert judge(left, [event("list_join", 6, list_name="news")]) is Fate.OUTDONE


def test_what_was_merged_before_is_known() -> None:
    before = event("opt_out", 1, incarnation=2, method="suppression_log", merged="gw1/1/5")
    assert judge(record(seq=5), [event("opt_in", 9), before]) is Fate.KNOWN


def test_a_refused_opt_in_is_no_return() -> None:
    assert judge(record(seq=5), [event("opt_in", 6, method="api")]) is Fate.APPLIED
