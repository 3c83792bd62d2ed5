"""Run ids, maps, delays and moves, over all values."""

from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tradewind.core.events import TaskMoved, decode_event, encode_event
from tradewind.core.mapping import (
    expanded_length,
    index_in_level,
    is_map_path,
    map_paths,
    split_index,
)
from tradewind.core.outcomes import LONGEST_DELAY, after_leg, retry_delay
from tradewind.core.runs import RunType, is_legal_run_id, iso_utc, run_id_of, run_type_of
from tradewind.core.spec import RetrySpec
from tradewind.core.states import (
    RUN_MOVES,
    TASK_MOVES,
    TERMINAL_RUN,
    TERMINAL_TASK,
    LegState,
    RunState,
    TaskState,
)

MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    timezones=st.timezones(),
)
LENGTHS = st.lists(st.integers(0, 4), min_size=1, max_size=4)


@given(st.sampled_from(RunType), MOMENTS, st.none() | MOMENTS)
def test_a_run_id_is_legal_tells_its_type_and_its_moment(
    run_type: RunType, run_after: datetime, logical_date: datetime | None
) -> None:
    run_id = run_id_of(run_type, run_after, logical_date)

    assert is_legal_run_id(run_id)
    assert run_type_of(run_id) is run_type
    told = datetime.fromisoformat(run_id.partition("__")[2])
    # In UTC: Python never calls a time in a repeated hour equal to one of another zone.
    assert told == (run_after if logical_date is None else logical_date).astimezone(UTC)
    assert told.utcoffset() == timedelta(0)


@given(MOMENTS, MOMENTS)
def test_run_ids_differ_exactly_when_their_moments_do(one: datetime, two: datetime) -> None:
    same = one.astimezone(UTC) == two.astimezone(UTC)

    assert (iso_utc(one) == iso_utc(two)) is same


@given(LENGTHS)
def test_a_mapping_is_the_product_of_its_axes_in_order(axes: list[int]) -> None:
    taken = [split_index(index, axes) for index in range(expanded_length(axes))]

    assert taken == list(product(*(range(length) for length in axes)))


@given(st.integers(0, 200), st.lists(st.integers(0, 99), max_size=3))
def test_map_paths_are_canonical_and_tell_their_index(length: int, levels: list[int]) -> None:
    prefix = ".".join(map(str, levels))
    paths = map_paths(length, prefix)

    assert [index_in_level(path) for path in paths] == list(range(length))
    assert all(is_map_path(path) for path in paths)
    assert len(set(paths)) == length


@given(st.text(alphabet="0123456789.", max_size=8))
def test_a_map_path_has_one_spelling(text: str) -> None:
    if text and is_map_path(text):
        assert ".".join(str(int(part)) for part in text.split(".")) == text


@given(
    st.floats(0, 1e7),
    st.floats(0, 10),
    st.none() | st.floats(0.001, 1e7),
    st.integers(1, 5000),
    st.text(max_size=5),
)
def test_a_delay_is_bounded_and_the_same_each_time(
    seconds: float, backoff: float, longest: float | None, try_number: int, task_id: str
) -> None:
    spec = RetrySpec(retries=1, delay_seconds=seconds, backoff=backoff, max_delay_seconds=longest)
    one, two = (
        retry_delay(spec, dag_id="d", task_id=task_id, logical_date=None, try_number=try_number)
        for _ in range(2)
    )

    assert one == two
    if backoff in (0, 1):
        assert one == timedelta(seconds=seconds)
    else:
        assert timedelta(0) < one <= LONGEST_DELAY
        assert longest is None or one <= timedelta(seconds=max(longest, 0))


@given(
    st.sampled_from([leg for leg in LegState if leg is not LegState.RUNNING]),
    st.sampled_from(TaskState),
    st.integers(1, 5),
    st.integers(0, 5),
    st.booleans(),
)
def test_what_follows_a_leg_is_a_legal_move_or_none(
    outcome: LegState, state: TaskState, try_number: int, max_tries: int, allowed: bool
) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    follows = after_leg(
        outcome,
        try_number=try_number,
        max_tries=max_tries,
        delay=timedelta(seconds=1),
        now=now,
        state=state,
        retry_allowed=allowed,
    )

    if follows is None:
        assert state not in {TaskState.RUNNING, TaskState.RESTARTING}
        return
    assert follows.state in TASK_MOVES[state]
    timed = follows.state in {TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE}
    assert (follows.wake_at is not None) is timed
    if follows.state is TaskState.UP_FOR_RETRY:
        assert allowed
        assert try_number <= max_tries


def test_every_state_can_be_left_by_a_clear_or_a_move_and_all_can_be_reached() -> None:
    assert TASK_MOVES.keys() == set(TaskState)
    assert RUN_MOVES.keys() == set(RunState)
    assert set().union(*TASK_MOVES.values()) == set(TaskState)
    assert set().union(*RUN_MOVES.values()) == set(RunState)
    for task_state in TERMINAL_TASK:
        # A mark, a clear, or another try of the group it is in.
        assert TASK_MOVES[task_state] <= TERMINAL_TASK | {TaskState.NONE, TaskState.UP_FOR_RETRY}
    for run_state in TERMINAL_RUN:
        assert RUN_MOVES[run_state] == (TERMINAL_RUN | {RunState.QUEUED}) - {run_state}
    assert not any(state in moves for state, moves in TASK_MOVES.items())


@given(
    st.builds(
        TaskMoved,
        task_id=st.text(max_size=5),
        map_path=st.sampled_from(["", "0", "3.1"]),
        old=st.sampled_from(TaskState),
        new=st.sampled_from(TaskState),
        try_number=st.integers(0, 99),
        reason=st.text(max_size=5),
        wake_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        max_tries=st.none() | st.integers(0, 9),
        pushed=st.lists(st.tuples(st.text(max_size=3), st.none() | st.integers(0, 9))).map(tuple),
        skips=st.lists(st.text(max_size=3)).map(tuple),
    )
)
def test_an_event_survives_the_log(event: TaskMoved) -> None:
    assert decode_event(encode_event(event)) == event
