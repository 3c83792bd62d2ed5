"""Pools, limits and priority."""

from datetime import UTC, datetime, timedelta

import pytest

from tradewind.core.admission import (
    FIRST_KEPT,
    TURN,
    Candidate,
    Usage,
    Waitlist,
    choose_admissions,
    why_held,
)

DAY = datetime(2026, 5, 1, tzinfo=UTC)


def one(ti_id: int, **more: object) -> Candidate:
    facts: dict = {
        "ti_id": ti_id,
        "run_pk": 1,
        "dag_id": "d",
        "run_id": "r",
        "task_id": f"t{ti_id}",
        "date": DAY,
    }
    return Candidate(**{**facts, **more})


def usage(**more: object) -> Usage:
    return Usage(**{"slots": {"default_pool": 128}, **more})  # type: ignore[arg-type]


def chosen(candidates: list[Candidate], use: Usage) -> list[int]:
    return [candidate.ti_id for candidate in choose_admissions(candidates, use, DAY)]


def test_heavier_first_then_earlier_then_lower_index_then_ids() -> None:
    tasks = [
        one(1, task_id="b"),
        one(2, task_id="a"),
        one(3, map_index=0),
        one(4, date=DAY - timedelta(days=1)),
        one(5, priority_weight=7),
        one(6, map_index=2),
    ]

    assert chosen(tasks, usage()) == [5, 4, 2, 1, 3, 6]


def test_a_run_never_has_more_than_max_active_tasks() -> None:
    tasks = [one(n, max_active_tasks=3) for n in range(1, 6)]
    tasks += [one(n, run_pk=2) for n in (8, 9)]
    use = usage(runs={1: 1})

    assert chosen(tasks, use) == [1, 2, 8, 9]
    assert use.runs == {1: 3, 2: 2}
    held = why_held(tasks[4], use)
    assert held is not None
    assert held.sentence == "3 tasks of this run are active and max_active_tasks is 3."


def test_a_smaller_one_may_overtake_in_a_pool() -> None:
    tasks = [
        one(1, pool="p", pool_slots=2, priority_weight=3),
        one(2, pool="p", pool_slots=2, priority_weight=2),
        one(3, pool="p", priority_weight=1),
    ]

    assert chosen(tasks, usage(slots={"p": 3})) == [1, 3]


def test_an_infinite_pool_never_fills() -> None:
    tasks = [one(n, pool="p", pool_slots=1000, max_active_tasks=99) for n in range(20)]

    assert len(chosen(tasks, usage(slots={"p": -1}))) == 20


@pytest.mark.parametrize(
    ("more", "use", "code"),
    [
        ({"pool": "gone"}, {}, "unknown-pool"),
        ({"pool_slots": 129}, {}, "wants-too-much"),
        ({"pool_slots": 3}, {"pools": {"default_pool": 126}}, "pool-full"),
        ({"max_active_tasks": 1}, {"runs": {1: 1}}, "run-full"),
        ({"max_active_tis_per_dag": 2}, {"dag_tasks": {("d", "t1"): 2}}, "task-full"),
        ({"max_active_tis_per_dagrun": 1}, {"run_tasks": {(1, "t1"): 1}}, "task-full-in-run"),
        ({}, {"room": 0}, "full"),
    ],
)
def test_what_is_held_says_why_and_is_not_admitted(more: dict, use: dict, code: str) -> None:
    candidate = one(1, **more)

    held = why_held(candidate, usage(**use))

    assert held is not None
    assert held.code == code
    assert held.sentence.endswith(".")
    assert chosen([candidate], usage(**use)) == []


def test_caps_of_a_task_count_over_its_runs_or_within_one() -> None:
    per_dag = [one(n, run_pk=n, task_id="t", max_active_tis_per_dag=2) for n in range(1, 5)]
    per_run = [
        one(n, run_pk=n % 2, task_id="t", map_index=n, max_active_tis_per_dagrun=1)
        for n in range(1, 5)
    ]

    assert chosen(per_dag, usage()) == [1, 2]
    assert chosen(per_run, usage()) == [1, 2]


def test_one_task_at_its_cap_does_not_hold_back_the_others() -> None:
    tasks = [
        one(n, task_id="capped", map_index=n, max_active_tis_per_dagrun=1) for n in range(1, 5)
    ]

    assert chosen([*tasks, one(9, priority_weight=0)], usage()) == [1, 9]


def test_room_over_all_is_kept() -> None:
    assert chosen([one(n) for n in range(1, 6)], usage(room=2)) == [1, 2]


class TestWaitlist:
    def test_what_is_not_admitted_stays(self) -> None:
        waiting = Waitlist(one(n, max_active_tasks=2) for n in range(1, 5))

        assert [c.ti_id for c in waiting.choose(usage(), DAY)] == [1, 2]
        assert len(waiting) == 2
        assert [c.ti_id for c in waiting.choose(usage(), DAY)] == [3, 4]
        assert waiting.choose(usage(), DAY) == []

    def test_what_is_taken_out_is_not_admitted(self) -> None:
        waiting = Waitlist([one(1), one(2)])
        waiting.discard(1)
        waiting.discard(77)

        assert 1 not in waiting
        assert [c.ti_id for c in waiting.candidates()] == [2]
        assert [c.ti_id for c in waiting.choose(usage(), DAY)] == [2]

    def test_the_newest_of_one_id_counts(self) -> None:
        waiting = Waitlist([one(1, priority_weight=9), one(2, priority_weight=5)])
        waiting.add(one(1, priority_weight=1))

        assert [c.ti_id for c in waiting.choose(usage(), DAY)] == [2, 1]

    def test_what_was_held_is_admitted_when_there_is_room_again(self) -> None:
        waiting = Waitlist([one(1, pool="p", pool_slots=2), one(2, pool="p")])

        assert [c.ti_id for c in waiting.choose(usage(slots={"p": 2}, pools={"p": 1}), DAY)] == [2]
        assert [c.ti_id for c in waiting.choose(usage(slots={"p": 2}), DAY)] == [1]


def test_deferred_ones_keep_their_slots_where_the_pool_says_so() -> None:
    tasks = [one(1, pool="p"), one(2, pool="p")]
    held = {"slots": {"p": 2}, "deferred": {"p": 1}}
    assert chosen(tasks, usage(**held)) == [1, 2]
    assert chosen(tasks, usage(**held, with_deferred=frozenset({"p"}))) == [1]


class TestFairness:
    """A stream of heavy work that never ends, and what is lighter beside it."""

    def places_until(self, mine: Candidate, *, slots: int, heavy_runs: int = 1) -> int:
        """How many of the stream go first, one place becoming free at a time."""
        waiting = Waitlist([mine])
        number = 100
        for place in range(1_000):
            while len(waiting) < 30:
                number += 1
                run = 10 + number % heavy_runs
                waiting.add(one(number, run_pk=run, priority_weight=99, pool=mine.pool))
            full = {mine.pool: slots}
            (taken,) = waiting.choose(usage(slots=full, pools={mine.pool: slots - 1}), DAY)
            if taken.ti_id == mine.ti_id:
                return place
        raise AssertionError("it starves")

    @pytest.mark.parametrize("slots", [1, 2, 128])
    def test_the_lightest_goes_on_under_a_stream_of_heavy_ones(self, slots: int) -> None:
        assert self.places_until(one(1, priority_weight=1), slots=slots) < TURN

    def test_a_backfill_of_long_ago_goes_on_too(self) -> None:
        late = one(1, priority_weight=-5, run_pk=2, date=DAY + timedelta(days=900), pool="p")

        assert self.places_until(late, slots=3, heavy_runs=7) < TURN

    def test_nine_places_of_ten_still_go_by_weight(self) -> None:
        waiting = Waitlist(one(n, priority_weight=n, max_active_tasks=99) for n in range(1, 61))

        order = [c.ti_id for c in waiting.choose(usage(), DAY)]

        heaviest_first = sorted(order, reverse=True)
        patient = [n for n in order if n <= 6]
        assert patient == [1, 2, 3, 4, 5, 6]
        assert [n for n in order if n > 6] == [n for n in heaviest_first if n > 6]
        assert [order.index(n) for n in patient] == [9, 19, 29, 39, 49, 59]


def test_one_that_gets_its_place_out_of_turn_gets_it_once() -> None:
    pool = {"pool": "p", "max_active_tasks": 64}
    tasks = [one(n, run_pk=1, priority_weight=9, **pool) for n in range(1, 30)]
    waiting = Waitlist([one(99, run_pk=2, **pool), *tasks])

    admitted = [c.ti_id for c in waiting.choose(usage(slots={"p": 64}), DAY)]

    assert sorted(admitted) == [*range(1, 30), 99]


class TestKeptPools:
    """One that wants several slots, beside small ones that would fill every gap."""

    def full_of_small(self, *, until_turn: int = TURN) -> tuple[Waitlist, Usage]:
        """A pool of four in which wide 1 waits, and after so many places its turn has come."""
        waiting = Waitlist([self.wide(1)])
        for number in range(100, 140):
            waiting.add(one(number, run_pk=number, priority_weight=9, pool="p"))
        use = usage(slots={"p": 4}, pools={"p": 3})
        for _ in range(until_turn - 1):
            (small,) = waiting.choose(use, DAY)
            assert small.ti_id != 1
            use.pools["p"] = 3
        return waiting, use

    def wide(self, ti_id: int) -> Candidate:
        return one(ti_id, pool="p", pool_slots=3, run_id="wide")

    def test_the_pool_is_kept_until_it_fits(self) -> None:
        waiting, use = self.full_of_small()
        assert waiting.choose(use, DAY) == []
        use.pools["p"] = 2
        assert waiting.choose(use, DAY) == []
        use.pools["p"] = 1
        admitted = [c.ti_id for c in waiting.choose(use, DAY)]
        assert admitted == [1]
        assert use.pools["p"] == 4
        assert use.kept == {}

    def test_both_can_tell_why_they_wait(self) -> None:
        waiting, use = self.full_of_small()
        waiting.choose(use, DAY)
        mine = why_held(self.wide(1), use)
        other = why_held(waiting.candidates()[0], use)
        assert mine is not None
        assert mine.code == "pool-full"
        assert "the others wait" in mine.sentence
        assert other is not None
        assert other.code == "pool-kept"
        assert "kept free for task 't1' of run 'wide'" in other.sentence

    def test_kept_in_vain_others_go_on_and_the_next_time_is_longer(self) -> None:
        waiting, use = self.full_of_small()
        waiting.choose(use, DAY)
        (first,) = use.kept.values()
        assert first.until == DAY + FIRST_KEPT
        later = DAY + FIRST_KEPT
        (small,) = waiting.choose(use, later)
        assert small.ti_id != 1
        for _ in range(TURN):
            use.pools["p"] = 3
            waiting.choose(use, later)
        (second,) = use.kept.values()
        assert second.until == later + 2 * FIRST_KEPT

    @pytest.mark.parametrize("how", ["gone", "pool too small", "held by its run"])
    def test_one_that_waits_for_something_else_keeps_no_pool(self, how: str) -> None:
        waiting, use = self.full_of_small()
        waiting.choose(use, DAY)
        assert use.kept
        if how == "gone":
            waiting.discard(1)
        elif how == "pool too small":
            use.slots["p"], use.pools["p"] = 2, 1
        else:
            use.runs[1] = 16
        assert [c.ti_id for c in waiting.choose(use, DAY)] != []
        assert use.kept == {}

    def test_where_it_fits_nothing_is_kept(self) -> None:
        waiting = Waitlist([self.wide(1), *(one(n, pool="p") for n in range(2, 6))])
        use = usage(slots={"p": 16})
        assert len(waiting.choose(use, DAY)) == 5
        assert use.kept == {}
