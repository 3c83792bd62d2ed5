"""Seeded Dags, the files that hold them, and how their tasks end."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from tests.simulation.assets import with_assets
from tradewind.core.spec import DagSpec, GroupSpec, MapAxis, MapSpec, RetrySpec, TaskSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import (
    ContinuousTimetable,
    CronDataInterval,
    CronTrigger,
    Delta,
    DeltaDataInterval,
    NullTimetable,
    OnceTimetable,
    Timetable,
)

START = datetime(2026, 5, 1, tzinfo=UTC)
"""When each world begins."""

MINUTES = (1, 2, 5, 10, 15, 30)
RULES = (
    "all_failed",
    "all_done",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_skipped",
    "none_failed_min_one_success",
    "all_skipped",
    "all_done_min_one_success",
    "always",
)
POOLS = ("default_pool", "small", "wide")
_OF_DAGS = ("failure", "success", "listen_running", "listen_failure", "listen_success")
_OF_TASKS = ("failure", "retry", "success")
_BRANCHES = ("", "", "", "", "", "", "next", "below")
QUEUES = ("default", "default", "default", "gpu")


def period_of(timetable: Timetable) -> timedelta | None:
    """Answer the step of the grid a timetable of these worlds ticks on; None where it has none."""
    match timetable:
        case CronTrigger(cron=cron) | CronDataInterval(cron=cron):
            return timedelta(minutes=int(cron.split()[0].removeprefix("*/")))
        case DeltaDataInterval(delta=delta):
            return timedelta(minutes=delta.minutes)
        case _:
            return None


def is_interval(timetable: Timetable) -> bool:
    """Tell whether a run is named by the start of its interval and due at its end."""
    return isinstance(timetable, CronDataInterval | DeltaDataInterval)


def random_timetable(rng: Random) -> Timetable:
    minutes = rng.choice(MINUTES)
    kinds: tuple[Timetable, ...] = (
        NullTimetable(),
        NullTimetable(),
        OnceTimetable(),
        CronTrigger(cron=f"*/{minutes} * * * *"),
        CronTrigger(cron=f"*/{minutes} * * * *"),
        CronDataInterval(cron=f"*/{minutes} * * * *"),
        DeltaDataInterval(delta=Delta(minutes=minutes)),
        ContinuousTimetable(),
    )
    return rng.choice(kinds)


def random_dag(rng: Random, dag_id: str) -> DagSpec:
    """Draw a Dag; one whose tasks depend on the past times out, so that it ends whatever was."""
    timetable = random_timetable(rng)
    tasks = random_tasks(rng)
    past = any(task.depends_on_past or task.wait_for_downstream for task in tasks)
    once = isinstance(timetable, OnceTimetable | ContinuousTimetable)
    if isinstance(timetable, ContinuousTimetable):
        # Of nothing but empty tasks it would have a run whenever anybody looks.
        tasks = (msgspec.structs.replace(tasks[0], is_empty=False), *tasks[1:])
    period = period_of(timetable)
    start = START - timedelta(minutes=60 * rng.choice((0, 0, 1, 3)))
    groups, tasks = random_groups(Random(rng.random()), tasks)
    drawn = DagSpec(
        dag_id=dag_id,
        file=f"dags/{dag_id}.py",
        tasks=tasks,
        groups=groups,
        timetable=timetable,
        start_date=None if not once and not past and rng.random() < 0.15 else start,
        catchup=period is not None and rng.random() < 0.5,
        max_active_runs=rng.choice((1, 1, 2, 4, 16)),
        max_active_tasks=rng.choice((1, 2, 4, 16)),
        dagrun_timeout_seconds=rng.choice((30, 90, 240)) if past or rng.random() < 0.3 else None,
        fail_fast=rng.random() < 0.1,
        is_paused_upon_creation=rng.random() < 0.15,
        callbacks=_random_callbacks(rng, _OF_DAGS),
    )
    return with_assets(Random(rng.random()), drawn)


def _random_callbacks(rng: Random, events: tuple[str, ...]) -> tuple[str, ...]:
    """Draw who is told of what: often nobody of anything."""
    if rng.random() < 0.5:
        return ()
    return tuple(event for event in events if rng.random() < 0.6)


def random_groups(
    rng: Random, tasks: tuple[TaskSpec, ...]
) -> tuple[dict[str, GroupSpec], tuple[TaskSpec, ...]]:
    """Put tasks that follow one another into groups: mapped, tried again as a whole, or both."""
    groups: dict[str, GroupSpec] = {}
    grouped = list(tasks)
    first = 0
    while first < len(tasks) and rng.random() < 0.4:
        first += rng.randint(0, 2)
        end = min(len(tasks), first + rng.randint(1, 4))
        name = f"g{len(groups)}"
        plain = [task.task_id for task in tasks[:first] if task.mapping is None]
        mapping = None
        if rng.random() < 0.6:
            axis = MapAxis(name="x", length=rng.choice((0, 1, 2, 3)))
            if plain and rng.random() < 0.6:
                axis = MapAxis(name="x", task_id=rng.choice(plain))
            mapping = MapSpec(axes=(axis,))
        retry = RetrySpec(retries=rng.choice((1, 2)), delay_seconds=rng.choice((0, 5)))
        groups[name] = GroupSpec(mapping=mapping, retry=retry if rng.random() < 0.6 else None)
        for number in range(first, end):
            grouped[number] = msgspec.structs.replace(grouped[number], group=name)
        first = end
    return groups, tuple(grouped)


def random_tasks(rng: Random) -> tuple[TaskSpec, ...]:
    size = rng.choice((1, 1, 2, 3, 3, 5, 8, 13))
    plain = rng.random() < 0.4
    with_past = rng.random() < 0.15
    tasks: list[TaskSpec] = []
    for number in range(size):
        names = [task.task_id for task in tasks]
        upstream = tuple(sorted(rng.sample(names, min(len(names), rng.randint(0, 2)))))
        teardown = bool(upstream) and rng.random() < 0.08
        mapping = None
        if not teardown and rng.random() < 0.2:
            # One more above than it is mapped over: a restart may fall between their ends.
            upstream = tuple(sorted(rng.sample(names, min(len(names), 2))))
            mapping = _random_mapping(rng, upstream)
        tasks.append(_random_task(rng, number, upstream, mapping, teardown, plain, with_past))
    return tuple(tasks)


def _random_task(
    rng: Random,
    number: int,
    upstream: tuple[str, ...],
    mapping: MapSpec | None,
    teardown: bool,
    plain: bool,
    with_past: bool,
) -> TaskSpec:
    is_empty = mapping is None and rng.random() < 0.15
    rule = "all_success" if plain or rng.random() < 0.5 else rng.choice(RULES)
    return TaskSpec(
        task_id=f"t{number}",
        operator="world.Task",
        upstream=upstream,
        trigger_rule="all_done_setup_success" if teardown else rule,
        mapping=mapping,
        retry=RetrySpec(
            retries=rng.choice((0, 0, 1, 2, 3)),
            delay_seconds=rng.choice((1, 5, 20)),
            backoff=rng.choice((0, 2)),
        ),
        pool=rng.choice(POOLS),
        pool_slots=rng.choice((1, 1, 1, 1, 2, 3)),
        queue=rng.choice(QUEUES),
        priority_weight=rng.choice((1, 1, 5, 10)),
        max_active_tis_per_dag=rng.choice((None, None, None, 1, 2)),
        max_active_tis_per_dagrun=rng.choice((None, None, None, 1, 2)),
        depends_on_past=with_past and rng.random() < 0.5,
        wait_for_downstream=with_past and rng.random() < 0.2,
        is_empty=is_empty,
        can_skip="" if is_empty else rng.choice(_BRANCHES),
        callbacks=_random_callbacks(rng, _OF_TASKS),
        is_setup=not teardown and rng.random() < 0.1,
        is_teardown=teardown,
        on_failure_fail_dagrun=teardown and rng.random() < 0.3,
    )


def _random_mapping(rng: Random, upstream: tuple[str, ...]) -> MapSpec:
    axes = [MapAxis(name=task_id, task_id=task_id) for task_id in upstream[:1]]
    if not axes or rng.random() < 0.4:
        axes = [MapAxis(name="x", length=rng.choice((0, 1, 2, 5)))]
    return MapSpec(axes=tuple(axes))


def changed_dag(rng: Random, spec: DagSpec) -> DagSpec:
    """Draw what a Dag becomes when its file is saved anew."""
    if rng.random() < 0.5:
        return msgspec.structs.replace(
            spec,
            max_active_runs=rng.choice((1, 2, 4)),
            max_active_tasks=rng.choice((1, 2, 4, 16)),
        )
    return random_dag(rng, spec.dag_id)


def without_schedule(spec: DagSpec) -> DagSpec:
    return msgspec.structs.replace(
        spec, timetable=NullTimetable(), catchup=False, assets=(), asset_expression=None
    )


class Ending(msgspec.Struct, frozen=True):
    """How one leg ends."""

    after_ms: int
    outcome: LegState
    retry: bool
    length: int | None
    wake_ms: int


def random_ending(rng: Random, harm: float) -> Ending:
    """Draw how long a leg takes, how it ends and what it pushes."""
    after = rng.choice((20, 100, 300, 1000, 3000, 3000, 10_000, 45_000, 60_000))
    drawn = rng.random()
    if drawn < harm:
        outcome = rng.choice((LegState.FAILED, LegState.FAILED, LegState.SKIPPED))
    elif drawn < harm + 0.05:
        outcome = LegState.RESCHEDULED
    elif drawn < harm + 0.12:
        outcome = LegState.DEFERRED
    elif drawn < harm + 0.15:
        outcome = LegState.AWAITING_INPUT
    else:
        outcome = LegState.SUCCESS
    return Ending(
        after_ms=rng.randint(after // 2, after),
        outcome=outcome,
        retry=rng.random() < 0.9,
        length=rng.choice((None, 0, 1, 2, 3, 6)),
        wake_ms=rng.choice((0, 1000, 20_000)),
    )
