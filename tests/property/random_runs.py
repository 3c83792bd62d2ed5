"""Random Dags of everything that can happen inside a run, and how each task of them will end."""

from random import Random
from zlib import crc32

from tradewind.core.spec import DagSpec, GroupSpec, MapAxis, MapSpec, RetrySpec, TaskSpec

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


def random_dag(rng: Random) -> DagSpec:
    """Draw a Dag; each group holds tasks that follow one another in its order."""
    size = rng.choice((1, 2, 3, 5, 5, 8, 8, 12))
    groups: dict[str, GroupSpec] = {}
    group_of = [""] * size
    if rng.random() < 0.7:
        _add_groups(rng, groups, group_of, "", 0, size, 0)
    tasks = [_random_task(rng, number, group_of[number]) for number in range(size)]
    run_retry = RetrySpec(retries=1, delay_seconds=1) if rng.random() < 0.1 else None
    return DagSpec(dag_id="d", file="d.py", tasks=tuple(tasks), groups=groups, run_retry=run_retry)


def _add_groups(
    rng: Random,
    groups: dict[str, GroupSpec],
    group_of: list[str],
    parent: str,
    first: int,
    end: int,
    depth: int,
) -> None:
    place = first
    while place < end:
        width = rng.randint(1, max(1, end - place))
        if rng.random() < 0.6 and depth < 3 and (place, place + width) != (first, end):
            name = f"g{len(groups)}"
            groups[name] = GroupSpec(
                parent=parent,
                mapping=_mapping(rng, place) if rng.random() < 0.5 else None,
                retry=_whole_retry(rng) if rng.random() < 0.3 else None,
            )
            group_of[place : place + width] = [name] * width
            _add_groups(rng, groups, group_of, name, place, place + width, depth + 1)
        place += width


def _whole_retry(rng: Random) -> RetrySpec:
    return RetrySpec(retries=rng.choice((1, 1, 2)), delay_seconds=rng.choice((0, 5)))


def _mapping(rng: Random, before: int) -> MapSpec:
    """Draw what is mapped over: lists, and outputs of tasks before this number."""
    axes = []
    for name in range(rng.choice((1, 1, 1, 2))):
        if before and rng.random() < 0.6:
            axes.append(_over_tasks(rng, before, f"x{name}"))
        else:
            axes.append(MapAxis(name=f"x{name}", length=rng.choice((0, 1, 2, 2, 3))))
    return MapSpec(axes=tuple(axes))


def _over_tasks(rng: Random, before: int, name: str) -> MapAxis:
    def one(name: str) -> MapAxis:
        key = rng.choice(("return_value", "other"))
        return MapAxis(name=name, task_id=f"t{rng.randrange(before)}", key=key)

    if rng.random() < 0.2:
        kind = rng.choice(("zip", "zip_longest", "concat"))
        return MapAxis(name=name, combine=kind, parts=(one(""), one("")))
    return one(name)


def _random_task(rng: Random, number: int, group: str) -> TaskSpec:
    mapping = _mapping(rng, number) if rng.random() < 0.25 else None
    upstream = {
        f"t{rng.randrange(number)}" for _ in range(rng.choice((0, 1, 1, 2, 3)) if number else 0)
    }
    for axis in mapping.axes if mapping else ():
        upstream |= {task_id for task_id, _ in axis.sources()}
    teardown = bool(upstream) and mapping is None and rng.random() < 0.12
    rule = "all_success" if rng.random() < 0.5 else rng.choice(RULES)
    empty = mapping is None and rng.random() < 0.1
    return TaskSpec(
        task_id=f"t{number}",
        operator="o",
        upstream=tuple(sorted(upstream)),
        group=group,
        mapping=mapping,
        trigger_rule="all_done_setup_success" if teardown else rule,
        retry=RetrySpec(retries=rng.choice((0, 0, 1, 2)), delay_seconds=1),
        is_setup=not teardown and rng.random() < 0.12,
        is_teardown=teardown,
        on_failure_fail_dagrun=teardown and rng.random() < 0.3,
        is_empty=empty,
        can_skip="" if empty else rng.choice(("", "", "", "", "", "", "next", "below")),
    )


class Fate:
    """How everything ends that runs: a function of one number, whatever the order."""

    def __init__(self, spec: DagSpec, seed: int, harm: int) -> None:
        self.seed = seed
        self.harm = harm
        below = {
            t.task_id: {o.task_id for o in spec.tasks if t.task_id in o.upstream}
            for t in spec.tasks
        }
        teardowns = {t.task_id for t in spec.tasks if t.is_teardown}
        self._skippable = {
            task.task_id: sorted(_reached(task.task_id, below, task.can_skip) - teardowns)
            for task in spec.tasks
            if task.can_skip
        }

    def _draw(self, *what: object) -> int:
        return crc32(repr((self.seed, *what)).encode()) >> 4

    def end(self, task_id: str, path: str, tried: int) -> str:
        """Answer how one try ends: s, f or k."""
        drawn = self._draw(task_id, path, tried) % 100
        return "s" if drawn >= self.harm else "k" if drawn % 4 == 0 else "f"

    def pushes(self, task_id: str, path: str, tried: int) -> dict[str, int]:
        """Answer the lengths of what a try that succeeds pushes, by key."""
        drawn = {
            key: self._draw("length", task_id, path, tried, key) % 9
            for key in ("return_value", "other")
        }
        return {key: min(length, 5) % 4 for key, length in drawn.items() if length < 8}

    def skips(self, task_id: str, path: str, tried: int) -> tuple[str, ...]:
        """Answer what a try that succeeds chooses to skip."""
        names = self._skippable.get(task_id, [])
        if self._draw("branch", task_id, path, tried) % 3 == 0:
            return ()
        return tuple(n for n in names if self._draw("skip", task_id, path, tried, n) % 3)


def _reached(name: str, below: dict[str, set[str]], how: str) -> set[str]:
    found = set(below[name])
    look = list(found) if how == "below" else []
    while look:
        for other in below[look.pop()] - found:
            found.add(other)
            look.append(other)
    return found
