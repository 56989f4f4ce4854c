"""Reading suppression logs: what belongs together, what is damaged, and from where on nothing is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model.restore import Covered
from gateway.store.errors import StoreMisconfigured
from gateway.store.suppression import BEGIN, read
from gateway.store.suppression_reading import Reading, open_logs, size_of
from tests.kit.suppression import AT, lines_of, record, write_log


def whole(*paths: Path) -> tuple[Reading, list[int]]:
    """Read logs to their end; return the reading and the events' places."""
    octets: list[int] = []
    reading = open_logs(paths)
    records = [read(line) for line in reading.lines(octets.append)]
    assert sum(octets) == size_of([path for thread in reading.threads for path in thread.files])
    assert reading.records == len(records)
    return reading, [each.place.seq for each in records if each.kind != BEGIN]


def test_one_log_covers_its_chain_from_where_it_begins(tmp_path: Path) -> None:
    log = tmp_path / "a"
    write_log(log, [record(BEGIN, 4), record(seq=7, head=6), record(seq=9, head=8)])
    reading, places = whole(log)
    assert places == [7, 9]
    assert reading.covered() == [Covered("gw1", 1, 4)]
    assert (reading.faults, reading.torn, reading.until) == ([], 0, AT + 9)


def test_files_that_follow_each_other_are_one_log_in_whatever_order_they_are_named(tmp_path: Path) -> None:
    old, new = tmp_path / "log.1", tmp_path / "log"
    last = write_log(old, [record(BEGIN, 0, at=AT), record(seq=1)])
    write_log(new, [record(BEGIN, 1, at=AT + 1.5), record(seq=2)], last)
    for paths in ((old, new), (new, old)):
        reading, places = whole(*paths)
        assert places == [1, 2]
        assert reading.covered() == [Covered("gw1", 1, 0)]
        assert not reading.faults


def test_without_the_file_between_only_the_later_one_counts(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    last = write_log(first, [record(BEGIN, 0, at=AT), record(seq=1)])
    last = write_log(second, [record(BEGIN, 1, at=AT + 1.5), record(seq=2)], last)
    write_log(third, [record(BEGIN, 2, at=AT + 2.5), record(seq=3)], last)
    assert whole(first, third)[0].covered() == [Covered("gw1", 1, 2)]
    assert whole(first, second)[0].covered() == [Covered("gw1", 1, 0)], "that the end is missing cannot be seen"


def test_a_restart_in_one_file_keeps_what_it_covers(tmp_path: Path) -> None:
    log = tmp_path / "a"
    write_log(log, [record(BEGIN, 0), record(seq=1), record(BEGIN, 5), record(BEGIN, 0, incarnation=9), record(seq=6)])
    assert whole(log)[0].covered() == [Covered("gw1", 1, 0), Covered("gw1", 9, 0)]


def test_logs_of_several_nodes_are_read_in_the_order_of_their_events(tmp_path: Path) -> None:
    one, two = tmp_path / "gw1", tmp_path / "gw2"
    write_log(one, [record(BEGIN, 0, at=AT), record(seq=1), record(seq=4), record(seq=3), record(seq=6)])
    write_log(two, [record(BEGIN, 0, node="gw2", at=AT), record(seq=2, node="gw2"), record(seq=5, node="gw2")])
    reading, places = whole(one, two)
    assert places == [1, 2, 4, 3, 5, 6], "a clock that was set back changes no log's own order"
    assert reading.covered() == [Covered("gw1", 1, 0), Covered("gw2", 1, 0)]


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_line_that_a_crash_cut_off_is_no_damage(cut: int, tmp_path: Path) -> None:
    log = tmp_path / "a"
    first, second = lines_of([record(BEGIN, 0), record(seq=1)])
    torn = lines_of([record(seq=2)], read(second[:-1]).sum)[0][:cut]
    later = lines_of([record(BEGIN, 2), record(seq=3)], read(second[:-1]).sum)
    log.write_text("".join([first, second, torn, "\n", *later, torn]))
    reading, places = whole(log)
    assert places == [1, 3]
    assert (reading.torn, reading.faults) == (2, [])
    assert reading.covered() == [Covered("gw1", 1, 0)]


def test_a_line_that_was_altered_or_taken_out_is_told_and_ends_what_is_covered(tmp_path: Path) -> None:
    log = tmp_path / "a"
    lines = lines_of([record(BEGIN, 0), record(seq=1), record(seq=2), record(seq=3), record(seq=4)])
    log.write_text("".join([*lines[:2], lines[2].replace("opt_out", "opt_in"), *lines[3:]]))
    reading, places = whole(log)
    assert places == [1, 3, 4]
    assert reading.covered() == [Covered("gw1", 1, 2)]
    assert reading.faults == [f"{log}, line 3: it is not whole, or not as it was written"]
    log.write_text("".join([*lines[:2], *lines[3:]]))
    reading, _ = whole(log)
    assert reading.covered() == [Covered("gw1", 1, 2)]
    assert reading.faults == [f"{log}, line 3: it does not continue the line before it: something is missing"]


def test_an_empty_log_says_nothing_and_what_is_none_is_refused(tmp_path: Path) -> None:
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.touch()
    reading, places = whole(empty)
    assert (places, reading.covered(), reading.until) == ([], [], 0.0)
    other.write_text("hello\n")
    with pytest.raises(StoreMisconfigured, match="has no whole record of a suppression log"):
        open_logs([other])
    with pytest.raises(StoreMisconfigured, match="name suppression logs that you may read"):
        open_logs([tmp_path / "nowhere"])


def test_the_end_of_a_long_file_with_a_damaged_tail_is_found(tmp_path: Path) -> None:
    old, new = tmp_path / "log.1", tmp_path / "log"
    last = write_log(old, [record(BEGIN, 0, at=AT), record(seq=1)])
    old.write_text(old.read_text() + "x" * 100_000)
    write_log(new, [record(BEGIN, 1, at=AT + 1.5)], last)
    assert whole(old, new)[0].covered() == [Covered("gw1", 1, 0)]
