"""Evidence: what the triggers forbid, what the chain shows, and the one lawful change."""

# ruff: noqa: S608 - column names out of our own tuples

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.store.evidence import CHAINED, COLUMNS, PERSONAL, Breach, add_evidence, chain_hash, encode, verify
from gateway.store.jobs import Committer, Identity
from tests.kit.faults import Faults
from tests.kit.stores import IntegrityErrors, Told, committer, drop_triggers, engine_at, look, migrated, opt_out

pytestmark = pytest.mark.usefixtures("store_engine")

ALL = f"select {', '.join(COLUMNS)} from evidence order by node, incarnation, seq"
ERASE = (
    "update evidence set subscriber = '', text = '', raw = x'', ip = '', user_agent = '', note = '', salt = x'', "
    "erased_at = 1800000001.0 where seq = ?"
)


def recorded(directory: Path, batches: int = 3) -> Committer:
    """Write one STOP a batch; return the committer."""
    made = committer(migrated(directory))
    told = Told()
    for _ in range(batches):
        made_run = made.run([told.job("stop", lambda tx: add_evidence(tx, [opt_out()]))])
        assert [event[0] for event in told.deliver(made_run)] == ["done"]
    return made


def breaches(directory: Path) -> list[Breach]:
    return list(verify(look(directory, ALL)))


def test_a_chain_verifies_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    recorded(tmp_path).close()
    again = committer(engine_at(tmp_path))
    told = Told()
    told.deliver(again.run([told.job("stop", lambda tx: add_evidence(tx, [opt_out(), opt_out(line_id=2)]))]))
    again.close()
    ((_, _, (first, second)),) = told.events
    assert (first > 3, second) == (True, first + 1)
    assert [row[0] for row in look(tmp_path, "select seq from evidence order by id")] == [1, 2, 3, 4, 5]
    assert breaches(tmp_path) == []


def test_each_incarnation_and_node_has_a_chain_of_its_own(tmp_path: Path) -> None:
    made = recorded(tmp_path, 1)
    told = Told()
    for identity in (Identity("gw1", 2, 1), Identity("gw2", 1, 1)):
        other = committer(engine_at(tmp_path))
        other.identity = identity
        told.deliver(other.run([told.job("stop", lambda tx: add_evidence(tx, [opt_out()] * 2))]))
        other.close()
    made.close()
    assert look(tmp_path, "select node, incarnation, seq from evidence order by id") == [
        ("gw1", 1, 1),
        ("gw1", 2, 1),
        ("gw1", 2, 2),
        ("gw2", 1, 1),
        ("gw2", 1, 2),
    ]
    assert breaches(tmp_path) == []


def test_nothing_to_add_adds_nothing(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    assert told.deliver(made.run([told.job("none", lambda tx: add_evidence(tx, []))])) == [("done", "none", [])]
    made.close()


def test_what_was_rolled_back_leaves_no_gap(tmp_path: Path) -> None:
    made = recorded(tmp_path, 1)
    told = Told()

    def spoiled(tx: Any) -> None:
        add_evidence(tx, [opt_out()])
        raise ValueError("spoiled")

    jobs = [told.job("bad", spoiled), told.job("good", lambda tx: add_evidence(tx, [opt_out()]))]
    assert [event[0] for event in told.deliver(made.run(jobs))] == ["failed", "done"]
    made.close()
    assert [row[0] for row in look(tmp_path, "select seq from evidence order by id")] == [1, 2]
    assert breaches(tmp_path) == []


def test_after_a_commit_of_unknown_outcome_the_chain_goes_on_where_the_store_is(tmp_path: Path) -> None:
    recorded(tmp_path, 1).close()
    faults = Faults(sqlite3.SQLITE_IOERR)
    made = committer(engine_at(tmp_path, faults))
    told = Told()

    def arm(tx: Any) -> None:
        add_evidence(tx, [opt_out()])
        faults.fail_at = len(faults.seen)  # the COMMIT

    told.deliver(made.run([told.job("lost", arm)]))
    told.deliver(made.run([told.job("next", lambda tx: add_evidence(tx, [opt_out()]))]))
    made.close()
    assert [event[0] for event in told.events] == ["failed", "done"]
    assert breaches(tmp_path) == []
    assert look(tmp_path, "select max(seq) from evidence") == [(2,)]


def test_events_of_several_causes_follow_one_another(tmp_path: Path) -> None:
    made, told = committer(migrated(tmp_path)), Told()
    causes = [("", ""), ("", ""), ("Anne", ""), ("Anne", "192.0.2.7"), ("", "")]
    items = [opt_out(actor=actor, ip=ip, mo_id=number) for number, (actor, ip) in enumerate(causes)]
    told.deliver(made.run([told.job("several", lambda tx: add_evidence(tx, items))]))
    made.close()
    assert look(tmp_path, "select seq, mo_id, actor, ip from evidence order by id") == [
        (number + 1, number, actor, ip) for number, (actor, ip) in enumerate(causes)
    ]
    assert breaches(tmp_path) == []


def test_a_text_that_not_every_engine_can_store_is_hashed_as_it_is_stored(tmp_path: Path) -> None:
    made, told = committer(migrated(tmp_path)), Told()
    odd = opt_out(text="ST\0OP", raw=b"ST\0OP", note="\0")
    told.deliver(made.run([told.job("odd", lambda tx: add_evidence(tx, [odd]))]))
    made.close()
    assert look(tmp_path, "select text, raw, note from evidence") == [("ST\ufffdOP", b"ST\0OP", "\ufffd")]
    assert breaches(tmp_path) == []


def test_rows_cannot_be_deleted(tmp_path: Path) -> None:
    recorded(tmp_path).close()
    with pytest.raises(IntegrityErrors, match="evidence is never deleted"):
        look(tmp_path, "delete from evidence where seq = 2")
    assert breaches(tmp_path) == []


def replacing(key: str, store_engine: str, seq: int = 2) -> str:
    """Return what puts another row in the place of that one, which is in its way by its id or by its place."""
    names = [name for name in COLUMNS if name != "id"] if key == "seq" else list(COLUMNS)
    values = ", ".join("seq + 100" if key == "id" and name == "seq" else name for name in names)
    insert, there = "insert or replace", ""
    if store_engine == "postgresql":
        insert = "insert"
        there = f"on conflict ({'id' if key == 'id' else 'node, incarnation, seq'}) do update set actor = 'somebody'"
    columns = ", ".join(names)
    return f"{insert} into evidence ({columns}) select {values} from evidence where seq = {seq} {there}"


@pytest.mark.parametrize("key", ["id", "seq"])
def test_we_cannot_replace_a_row(key: str, store_engine: str, tmp_path: Path) -> None:
    made, told = recorded(tmp_path), Told()
    ((what, _, error),) = told.deliver(
        made.run([told.job("replace", lambda tx: tx.execute(replacing(key, store_engine)))])
    )
    made.close()
    assert (what, isinstance(error, IntegrityErrors)) == ("failed", True)
    assert re.search(r"evidence is never (deleted|changed)", str(error))
    assert breaches(tmp_path) == []


@pytest.mark.parametrize("seq", [1, 2, 3])
@pytest.mark.parametrize("key", ["id", "seq"])
def test_a_row_that_another_program_replaces_is_found(key: str, seq: int, store_engine: str, tmp_path: Path) -> None:
    recorded(tmp_path).close()
    if store_engine == "postgresql":  # which has no such statement: what stands in the way would be changed
        with pytest.raises(IntegrityErrors, match="evidence is never changed"):
            look(tmp_path, replacing(key, store_engine, seq))
        assert breaches(tmp_path) == []
        return
    look(tmp_path, replacing(key, store_engine, seq))
    assert look(tmp_path, "select count(*) from evidence") == [(3,)]
    assert breaches(tmp_path)


@pytest.mark.parametrize("column", [*CHAINED, "digest", "prev_hash", "hash"])
def test_columns_that_are_not_personal_cannot_be_changed(column: str, tmp_path: Path) -> None:
    recorded(tmp_path).close()
    with pytest.raises(IntegrityErrors, match=r"evidence is (never changed|only erased)"):
        look(tmp_path, f"update evidence set {column} = '4711' where seq = 2")
    with pytest.raises(IntegrityErrors, match="evidence is never changed"):
        look(tmp_path, ERASE.replace("set ", f"set {column} = '4711', "), (2,))
    assert breaches(tmp_path) == []


@pytest.mark.parametrize("column", [*PERSONAL, "salt"])
def test_personal_columns_can_be_erased_whole_and_nothing_else(column: str, tmp_path: Path) -> None:
    recorded(tmp_path).close()
    with pytest.raises(IntegrityErrors, match="only erased: once, whole, and dated"):
        look(tmp_path, f"update evidence set {column} = 'x' where seq = 2")
    with pytest.raises(IntegrityErrors, match="only erased: once, whole, and dated"):
        look(
            tmp_path,
            ERASE.replace(f"{column} = ''", f"{column} = 'x'").replace(f"{column} = x''", f"{column} = x'00'"),
            (2,),
        )
    assert breaches(tmp_path) == []


def test_an_erased_row_keeps_the_chain_and_cannot_be_written_again(tmp_path: Path) -> None:
    recorded(tmp_path).close()
    look(tmp_path, ERASE, (2,))
    assert breaches(tmp_path) == []
    assert look(tmp_path, "select subscriber, raw, salt, disclosure from evidence where seq = 2") == [
        ("", b"", b"", "Reply STOP to end.")
    ]
    with pytest.raises(IntegrityErrors, match="only erased: once"):
        look(tmp_path, ERASE, (2,))


@pytest.mark.parametrize("column", [column for column in COLUMNS if column not in ("node", "incarnation", "erased_at")])
def test_every_edit_past_the_triggers_is_found(column: str, tmp_path: Path) -> None:
    recorded(tmp_path).close()
    drop_triggers(tmp_path)
    octets = column in ("raw", "salt", "digest", "prev_hash", "hash")
    value = "x'4711'" if octets else "4711" if column in ("id", "account_id", "seq") else "'4711'"
    look(tmp_path, f"update evidence set {column} = {value} where seq = 2")
    assert breaches(tmp_path)


@pytest.mark.parametrize("column", ["node", "incarnation"])
def test_a_row_moved_to_another_chain_is_found(column: str, tmp_path: Path) -> None:
    recorded(tmp_path).close()
    drop_triggers(tmp_path)
    look(tmp_path, f"update evidence set {column} = '99' where seq = 2")
    assert {breach.what.partition(":")[0] for breach in breaches(tmp_path)} >= {"rows are missing before it"}


def test_a_row_taken_out_is_found_and_named(tmp_path: Path) -> None:
    recorded(tmp_path).close()
    drop_triggers(tmp_path)
    look(tmp_path, "delete from evidence where seq = 2")
    assert breaches(tmp_path) == [Breach("gw1", 1, 3, "rows are missing before it: 2 was due")]


def test_a_row_forged_with_a_hash_of_its_own_breaks_the_next_one(tmp_path: Path) -> None:
    recorded(tmp_path).close()
    drop_triggers(tmp_path)
    row = dict(zip(COLUMNS, look(tmp_path, ALL)[1], strict=True)) | {"actor": "nobody"}
    forged = chain_hash(row["prev_hash"], [row[name] for name in CHAINED], row["digest"])
    look(tmp_path, "update evidence set actor = 'nobody', hash = ? where seq = 2", (forged,))
    assert breaches(tmp_path) == [Breach("gw1", 1, 3, "it does not continue the row before it")]


def test_a_half_erased_row_is_found(tmp_path: Path) -> None:
    recorded(tmp_path).close()
    drop_triggers(tmp_path)
    look(tmp_path, "update evidence set erased_at = 1 where seq = 2")
    assert [breach.what for breach in breaches(tmp_path)] == [
        "it is marked as erased, but personal fields or the salt are still there"
    ]


def test_equal_events_have_different_digests(tmp_path: Path) -> None:
    recorded(tmp_path, 2).close()
    (first,), (second,) = look(tmp_path, "select digest from evidence")
    assert first != second


def test_the_encoding_keeps_lists_apart() -> None:
    lists: list[list[Any]] = [
        ["ab", "c"],
        ["a", "bc"],
        ["abc"],
        [b"ab", "c"],
        [1, 2],
        [12],
        [1.0, 2],
        [None],
        [""],
        [],
        ["1", 2],
    ]
    encoded = [encode(values) for values in lists]
    assert len(set(encoded)) == len(lists)
