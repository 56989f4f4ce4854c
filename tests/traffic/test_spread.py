"""Who holds which bind: evenly, without flapping, and never two nodes wanting one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.nodes import JANITOR, LeaseKey, LeaseRow, NodeRow, Pulse, lease_of
from gateway.traffic.spread import IGNORED_S, STEADY_S, spread

LONG = 3600.0


def node(name: str, *, life: int = 1, alive: bool = True, age: float = LONG, over: float = 0.0) -> NodeRow:
    return NodeRow(name, life, alive, age, over)


def lease(key: LeaseKey, owner: str = "", *, life: int = 1, fence: int = 1, age: float = LONG) -> LeaseRow:
    return LeaseRow(key, owner, life if owner else 0, fence, (), age)


def binds(count: int, carrier: str = "acme") -> list[LeaseKey]:
    return [(carrier, number) for number in range(count)]


def taken(name: str, pulse: Pulse, keys: Iterable[LeaseKey]) -> list[LeaseKey]:
    return [key for key, _ in spread(name, pulse, list(keys)).take if key != JANITOR]


def test_a_bind_has_its_number_and_a_pair_has_one() -> None:
    assert lease_of("acme/0") == ("acme", 0)
    assert lease_of("acme/12.tx") == lease_of("acme/12.rx") == ("acme", 12)
    assert lease_of("a/b/3") == ("a/b", 3)


def test_the_first_node_takes_everything() -> None:
    wish = spread("a", Pulse([node("a")], []), binds(3))
    assert {key for key, _ in wish.take} == {*binds(3), JANITOR}
    assert wish.give is None


def test_who_is_not_alive_by_the_database_wants_nothing() -> None:
    assert spread("a", Pulse([node("a", alive=False)], []), binds(3)).take == ()


def test_free_binds_are_shared_and_each_is_wanted_by_one() -> None:
    pulse = Pulse([node("a"), node("b"), node("c")], [])
    each = {name: taken(name, pulse, binds(7)) for name in "abc"}
    assert sorted(key for keys in each.values() for key in keys) == binds(7)
    assert sorted(map(len, each.values())) == [2, 2, 3]


def test_the_binds_of_one_carrier_are_spread_over_the_nodes() -> None:
    pulse = Pulse([node("a"), node("b")], [])
    keys = binds(2, "acme") + binds(2, "other")
    for name in "ab":
        assert Counter(carrier for carrier, _ in taken(name, pulse, keys)) == {"acme": 1, "other": 1}


def test_a_dead_nodes_binds_go_to_the_others() -> None:
    rows = [lease(("acme", 0), "a"), lease(("acme", 1), "b"), lease(("acme", 2), "c"), lease(("acme", 3), "a")]
    pulse = Pulse([node("a", alive=False, over=0.1), node("b"), node("c")], rows)
    assert taken("b", pulse, binds(4)) == [("acme", 0)]
    assert taken("c", pulse, binds(4)) == [("acme", 3)]


def test_a_node_that_started_anew_owns_nothing_of_before() -> None:
    pulse = Pulse([node("a", life=2)], [lease(("acme", 0), "a", life=1)])
    assert taken("a", pulse, binds(1)) == [("acme", 0)]


def test_what_a_node_owns_already_is_not_taken_again() -> None:
    pulse = Pulse([node("a")], [lease(("acme", 0), "a"), lease(JANITOR, "a")])
    assert spread("a", pulse, binds(1)).take == ()


def test_a_new_node_gets_its_share_one_at_a_time_once_it_is_steady() -> None:
    rows = [lease(key, "a") for key in binds(4)] + [lease(JANITOR, "a")]
    fresh = Pulse([node("a"), node("b", age=STEADY_S - 1)], rows)
    assert spread("a", fresh, binds(4)).give is None
    steady = Pulse([node("a"), node("b", age=STEADY_S)], rows)
    assert spread("a", steady, binds(4)).give == ("acme", 3)
    assert spread("b", steady, binds(4)).give is None
    # Given back, it is for the one that has least; meanwhile nothing more is given.
    freed = Pulse(steady.nodes, [*rows[:3], lease(("acme", 3), age=0.1), rows[4]])
    assert taken("b", freed, binds(4)) == [("acme", 3)]
    assert taken("a", freed, binds(4)) == []
    assert spread("a", freed, binds(4)).give is None


def test_one_more_is_no_reason_to_move() -> None:
    rows = [lease(("acme", 0), "b"), lease(JANITOR, "b")]
    for name in "ab":
        assert spread(name, Pulse([node("a"), node("b")], rows), binds(1)).give is None


def test_what_nobody_took_for_long_is_taken_by_whoever_knows_it() -> None:
    """The node whose turn it is may have a configuration without that carrier."""
    rows = [lease(("acme", 0), "b"), lease(("new", 0), age=IGNORED_S + 1)]
    pulse = Pulse([node("a"), node("b")], rows)
    assert taken("b", pulse, [("acme", 0), ("new", 0)]) == [("new", 0)]
    rows = [lease(("acme", 0), "b"), lease(("new", 0), "c")]
    pulse = Pulse([node("a"), node("b"), node("c", alive=False, over=IGNORED_S + 1)], rows)
    assert taken("b", pulse, [("acme", 0), ("new", 0)]) == [("new", 0)]


def test_a_bind_that_only_others_have_in_their_configuration_is_left_alone() -> None:
    pulse = Pulse([node("a")], [lease(("old", 0), age=LONG)])
    assert taken("a", pulse, binds(1)) == [("acme", 0)]


@settings(max_examples=200, deadline=None)
@given(
    names=st.sets(st.sampled_from("abcde"), min_size=1),
    owners=st.lists(st.sampled_from(["", *"abcdez"]), min_size=1, max_size=12),
)
def test_it_ends_even_and_stays_so(names: set[str], owners: Sequence[str]) -> None:
    """However it begins, a few turns of all nodes lead to loads that differ by one, after which nobody moves."""
    keys = binds(len(owners))
    state = dict(zip(keys, owners, strict=True))
    nodes = [node(name) for name in sorted(names)]

    def pulse() -> Pulse:
        return Pulse(nodes, [lease(JANITOR, min(names)), *(lease(key, owner, age=0) for key, owner in state.items())])

    for _ in range(3 * len(keys) + 3):
        now = pulse()
        wishes = {name: spread(name, now, keys) for name in sorted(names)}
        wanted = [key for wish in wishes.values() for key, _ in wish.take]
        gone = {key for key, owner in state.items() if owner not in names}
        assert len(wanted) == len(set(wanted))
        for name, wish in wishes.items():
            for key, _ in wish.take:
                assert key in gone
                state[key] = name
            if wish.give is not None:
                assert state[wish.give] == name
                state[wish.give] = ""
    load = Counter(state.values())
    assert not load.keys() - names
    assert max(load[name] for name in names) - min(load[name] for name in names) <= 1
    assert all(spread(name, pulse(), keys).give is None for name in names)
