"""Whatever waits and whatever is in use: no limit is passed, nothing that fits is left out."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.admission import Candidate, Usage, Waitlist, choose_admissions, why_held

START = datetime(2026, 5, 1, tzinfo=UTC)
POOLS = ("p", "q", "gone", "endless")


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    size = draw(st.integers(0, 25))
    # What a Dag, a run or a task limits is the same for all that share it.
    active = draw(st.integers(1, 5))
    per_dag = draw(st.none() | st.integers(1, 3))
    per_run = draw(st.none() | st.integers(1, 3))
    return [
        Candidate(
            ti_id=number,
            run_pk=draw(st.integers(1, 3)),
            dag_id="d",
            run_id="r",
            task_id=draw(st.sampled_from(["a", "b", "c"])),
            map_index=draw(st.integers(-1, 3)),
            date=START + timedelta(days=draw(st.integers(0, 2))),
            priority_weight=draw(st.integers(-2, 3)),
            pool=draw(st.sampled_from(POOLS)),
            pool_slots=draw(st.integers(1, 4)),
            max_active_tasks=active,
            max_active_tis_per_dag=per_dag,
            max_active_tis_per_dagrun=per_run,
        )
        for number in range(size)
    ]


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    few = st.integers(0, 4)
    return Usage(
        # So few that nobody gets a place for its patience: that has tests of its own.
        slots={"p": draw(st.integers(0, 4)), "q": draw(st.integers(0, 4)), "endless": -1},
        pools={"p": draw(few), "q": draw(few), "endless": draw(few)},
        runs={run: draw(few) for run in (1, 2, 3)},
        dag_tasks={("d", task): draw(few) for task in "abc"},
        run_tasks={(run, task): draw(few) for run in (1, 2, 3) for task in "abc"},
        room=draw(st.none() | st.integers(0, 9)),
    )


def copied(use: Usage) -> Usage:
    return Usage(
        slots=dict(use.slots),
        pools=dict(use.pools),
        runs=dict(use.runs),
        dag_tasks=dict(use.dag_tasks),
        run_tasks=dict(use.run_tasks),
        room=use.room,
    )


@given(candidates(), usages())
def test_each_one_admitted_fits_at_its_turn_and_none_that_fits_is_left(
    waiting: list[Candidate], before: Usage
) -> None:
    after = copied(before)
    chosen = choose_admissions(waiting, after, START)

    counted = copied(before)
    for candidate in chosen:
        assert why_held(candidate, counted) is None
        counted.admit(candidate)
    assert counted == after
    left = [c for c in waiting if c not in chosen]
    assert all(why_held(candidate, after) is not None for candidate in left)


@given(candidates(), usages())
def test_no_use_is_raised_above_its_limit(waiting: list[Candidate], before: Usage) -> None:
    after = copied(before)
    for one in choose_admissions(waiting, after, START):
        slots = after.slots[one.pool]
        assert slots == -1 or after.pools[one.pool] <= slots
        assert after.runs[one.run_pk] <= one.max_active_tasks
        if one.max_active_tis_per_dag is not None:
            assert after.dag_tasks["d", one.task_id] <= one.max_active_tis_per_dag
        if one.max_active_tis_per_dagrun is not None:
            assert after.run_tasks[one.run_pk, one.task_id] <= one.max_active_tis_per_dagrun


@given(candidates(), usages(), st.randoms())
def test_the_choice_is_that_of_going_down_the_line_whatever_order_they_came_in(
    waiting: list[Candidate], before: Usage, rng: object
) -> None:
    shuffled = list(waiting)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    line = copied(before)
    greedy = []
    for candidate in sorted(waiting, key=lambda c: c.order):
        if why_held(candidate, line) is None:
            line.admit(candidate)
            greedy.append(candidate)

    assert choose_admissions(shuffled, copied(before), START) == greedy


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=60))
def test_of_those_of_one_weight_no_dag_is_two_places_ahead_of_another_that_waits(
    asked: list[tuple[int, int]],
) -> None:
    waiting = Waitlist(
        Candidate(
            ti_id=number,
            run_pk=dag,
            dag_id=f"d{dag}",
            run_id="r",
            task_id="t",
            date=START + timedelta(days=dag),
            priority_weight=weight,
            max_active_tasks=99,
        )
        for number, (dag, weight) in enumerate(asked)
    )
    given: Counter[tuple[str, int]] = Counter()
    while len(waiting):
        left = Counter((c.dag_id, c.priority_weight) for c in waiting.candidates())
        (one,) = waiting.choose(Usage(slots={"default_pool": 1}), START)
        given[one.dag_id, one.priority_weight] += 1
        mine = given[one.dag_id, one.priority_weight]
        others = [key for key in left if key[1] == one.priority_weight]
        # One place in ten goes to who has waited longest, whoever that is.
        patient = sum(given.values()) // 10 + 1
        assert all(mine <= given[other] + 1 + patient for other in others)


@given(candidates(), usages(), usages(), st.sets(st.integers(0, 24)))
def test_a_waitlist_that_is_kept_chooses_like_a_fresh_one(
    waiting: list[Candidate], first: Usage, second: Usage, gone: set[int]
) -> None:
    kept = Waitlist(waiting)
    admitted = kept.choose(first, START)
    for ti_id in gone:
        kept.discard(ti_id)
    left = [c for c in waiting if c not in admitted and c.ti_id not in gone]

    assert kept.candidates() == sorted(left, key=lambda c: c.order)
    assert kept.choose(copied(second), START) == choose_admissions(left, copied(second), START)


@given(st.integers(0, 2**32), st.integers(1, 3))
def test_places_for_patience_keep_every_limit_and_are_given_once(seed: int, room: int) -> None:
    rng = Random(seed)
    waiting = Waitlist()
    admitted: set[int] = set()
    use = Usage(slots={"p": room, "q": 4}, pools={}, runs={}, dag_tasks={}, run_tasks={})
    running: list[Candidate] = []
    for number in range(200):
        weight = 1 if number % 20 == 0 else 9
        one = Candidate(
            ti_id=number,
            run_pk=rng.randrange(3),
            dag_id="d",
            run_id="r",
            task_id=rng.choice("abc"),
            date=START,
            priority_weight=weight,
            pool=rng.choice("pq"),
            max_active_tasks=rng.choice((2, 5)),
        )
        waiting.add(one)
        for place in waiting.choose(use, START):
            assert place.ti_id not in admitted
            admitted.add(place.ti_id)
            running.append(place)
        assert all(use.pools.get(pool, 0) <= slots for pool, slots in use.slots.items())
        left = waiting.candidates()
        assert all(why_held(one, use) is not None for one in left)
        if running:
            done = running.pop(rng.randrange(len(running)))
            use.pools[done.pool] -= 1
            use.runs[done.run_pk] -= 1
            use.dag_tasks["d", done.task_id] -= 1
            use.run_tasks[done.run_pk, done.task_id] -= 1


@given(st.integers(0, 2**32), st.integers(2, 8))
def test_who_wants_several_slots_has_its_turn_under_a_stream_that_fills_every_gap(
    seed: int, slots: int
) -> None:
    rng = Random(seed)
    waiting, use = Waitlist(), Usage(slots={"p": slots})
    running: list[tuple[datetime, Candidate]] = []
    now, number, waited = START, 0, 0
    wide: Candidate | None = None
    for _ in range(400):
        if wide is None:
            number += 1
            wide = _of_stream(number, rng, weight=rng.choice((1, 9)), slots=rng.randint(2, slots))
            waiting.add(wide)
            waited = 0
        while len(waiting) < 12:
            number += 1
            waiting.add(_of_stream(number, rng, weight=5, slots=1))
        for place in waiting.choose(use, now):
            running.append((now + timedelta(seconds=rng.randint(1, 120)), place))
            waited += 1
            wide = None if place is wide else wide
        taken = sum(one.pool_slots for _, one in running)
        assert use.pools["p"] == taken <= slots
        # Eleven came before it, one of each ten places is for who has waited longest.
        assert waited <= 12 * 10 + slots
        running.sort(key=lambda pair: (pair[0], pair[1].ti_id))
        now, done = running.pop(0)
        use.pools["p"] -= done.pool_slots
        use.runs[done.run_pk] -= 1


def _of_stream(number: int, rng: Random, *, weight: int, slots: int) -> Candidate:
    return Candidate(
        ti_id=number,
        run_pk=rng.randrange(3),
        dag_id="d",
        run_id="r",
        task_id="t",
        date=START + timedelta(seconds=number),
        priority_weight=weight,
        pool="p",
        pool_slots=slots,
        max_active_tasks=99,
    )


@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_a_pool_kept_for_one_whose_slots_never_come_lets_the_others_go_on(seed: int) -> None:
    rng = Random(seed)
    waiting, use = Waitlist(), Usage(slots={"p": 4}, pools={"p": 1})
    wide = _of_stream(1, rng, weight=1, slots=4)
    waiting.add(wide)
    now, went, number = START, 0, 1
    while now < START + timedelta(days=1):
        number += 1
        waiting.add(_of_stream(number, rng, weight=5, slots=1))
        for place in waiting.choose(use, now):
            use.pools["p"] -= place.pool_slots
            went += 1
        # Somebody holds one slot and waits for the others of this very pool.
        now += timedelta(seconds=rng.randint(20, 60))
    assert went > 60
    assert wide.ti_id in waiting
