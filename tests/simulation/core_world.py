"""A world for the pure core: random Dags, random ends, random order, replayed from one number.

``python -m tests.simulation.core_world --seed N`` plays one world again and prints its log;
``--seeds N --steps M`` plays worlds from seed N on until M steps are done.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta
from random import Random
from zlib import crc32

from tests.simulation.reference import Reading, States
from tradewind.core.drive import decide, fold, next_wake, past_wanted
from tradewind.core.events import Event, RunMoved, TaskMoved
from tradewind.core.graph import RunGraph
from tradewind.core.nodes import Node
from tradewind.core.outcomes import after_leg, retry_delay
from tradewind.core.plan import DagPlan
from tradewind.core.spec import DagSpec, MapAxis, MapSpec, RetrySpec, TaskSpec
from tradewind.core.states import TERMINAL_TASK, LegState, RunState, TaskState

START = datetime(2026, 5, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
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
STARTS_EARLY = frozenset({"one_success", "one_failed", "one_done", "always"})
AT_HAND = frozenset(
    {
        TaskState.SCHEDULED,
        TaskState.QUEUED,
        TaskState.RUNNING,
        TaskState.RESTARTING,
        TaskState.DEFERRED,
        TaskState.AWAITING_INPUT,
    }
)


class BrokenError(AssertionError):
    """The world found something that must not be."""


def random_dag(rng: Random, *, wild: bool) -> DagSpec:
    """Draw a Dag; a wild one may stop early, so that the order of things shows in how it ends."""
    size = rng.choice((1, 2, 3, 5, 8, 13, 20, 40))
    density = rng.choice((1, 2, 3))
    plain = rng.random() < 0.3
    tasks: list[TaskSpec] = []
    for number in range(size):
        names = [task.task_id for task in tasks]
        upstream = tuple(sorted(rng.sample(names, min(len(names), rng.randint(0, density)))))
        rule = "all_success" if plain or rng.random() < 0.4 else rng.choice(RULES)
        mapping = _random_mapping(rng, upstream) if rng.random() < 0.25 else None
        teardown = bool(upstream) and rng.random() < 0.12
        tasks.append(
            TaskSpec(
                task_id=f"t{number}",
                operator="o",
                upstream=upstream,
                trigger_rule="all_done_setup_success" if teardown else rule,
                mapping=mapping,
                is_setup=not teardown and rng.random() < 0.15,
                is_teardown=teardown,
                on_failure_fail_dagrun=teardown and rng.random() < 0.3,
                is_empty=mapping is None and rng.random() < 0.15,
                depends_on_past=rng.random() < 0.05,
                retry=RetrySpec(
                    retries=rng.choice((0, 0, 1, 2)), delay_seconds=5, backoff=rng.choice((0, 2))
                ),
            )
        )
    return DagSpec(
        dag_id="d",
        file="d.py",
        tasks=tuple(tasks),
        fail_fast=wild and rng.random() < 0.3,
        dagrun_timeout_seconds=rng.choice((3, 30)) if wild and rng.random() < 0.2 else None,
    )


def _random_mapping(rng: Random, upstream: tuple[str, ...]) -> MapSpec:
    axes = [MapAxis(name="x", length=rng.choice((0, 1, 2, 3)))]
    axes += [
        MapAxis(name=task_id, task_id=task_id, key=rng.choice(("a", "b")))
        for task_id in upstream
        if rng.random() < 0.7
    ]
    return MapSpec(axes=tuple(axes[1:] if len(axes) > 1 and rng.random() < 0.8 else axes))


class Fate:
    """How everything that runs will end, whatever the order: a function of one number."""

    def __init__(self, seed: int, harm: int) -> None:
        self.seed = seed
        self.harm = harm

    def _draw(self, *what: object) -> int:
        return crc32(repr((self.seed, *what)).encode()) >> 4

    def leg(self, task_id: str, path: str, try_number: int, leg: int) -> LegState:
        """Answer how one leg of a try ends."""
        drawn = self._draw(task_id, path, try_number, leg) % 100
        if drawn < self.harm:
            kinds = (LegState.FAILED, LegState.SKIPPED, LegState.LOST, LegState.FAILED)
            return kinds[drawn % 4]
        if leg < 3 and drawn < self.harm + 12:
            kinds = (
                LegState.DEFERRED,
                LegState.RESCHEDULED,
                LegState.RETURNED,
                LegState.AWAITING_INPUT,
            )
            return kinds[drawn % 4]
        return LegState.SUCCESS

    def length(self, task_id: str, path: str, key: str) -> int | None:
        """Answer the length of what a success pushes under a key, None where it has none."""
        drawn = self._draw("length", task_id, path, key) % 12
        return None if drawn == 11 else drawn % 5

    def pushes(self, task_id: str, path: str, key: str) -> bool:
        """Answer whether a success pushes that key at all."""
        return self.length(task_id, path, key) is not None

    def skips(self, task_id: str, path: str, below: list[str]) -> tuple[str, ...]:
        """Answer which of the tasks below a success chooses to skip: one in eight is a branch."""
        if not below or self._draw("branch", task_id) % 8:
            return ()
        return tuple(name for name in below if self._draw("skip", task_id, path, name) % 2)

    def ends(self, task: TaskSpec, path: str) -> TaskState:
        """Answer how an instance ends that runs to its end undisturbed."""
        for try_number in range(1, task.retry.retries + 2):
            leg = 1
            while (end := self.leg(task.task_id, path, try_number, leg)) not in _ENDS:
                leg += 1
            if end in _GOOD:
                return _GOOD[end]
        return TaskState.FAILED


_GOOD = {LegState.SUCCESS: TaskState.SUCCESS, LegState.SKIPPED: TaskState.SKIPPED}
_ENDS = frozenset({LegState.SUCCESS, LegState.SKIPPED, LegState.FAILED, LegState.LOST})


class CoreWorld:
    """One Dag and a few runs of it, played to their ends."""

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.rng = Random(seed)
        self.seed = seed
        self.wild = self.rng.random() < 0.3
        self.spec = random_dag(self.rng, wild=self.wild)
        self.plan = DagPlan(self.spec)
        self.reading = Reading(self.spec)
        self.tasks = {task.task_id: task for task in self.spec.tasks}
        # A task that may start before all above it ended may start before a branch skips it.
        self.skippable = {
            name: sorted(b for b in below if self.tasks[b].trigger_rule not in STARTS_EARLY)
            for name, below in self.reading.below.items()
        }
        self.trace = trace
        self.steps = 0
        self.runs = 0
        self.reloads = 0

    def play(self, runs: int = 6) -> None:
        """Play runs of the Dag to their ends.

        Raises:
            BrokenError: A run got stuck, or ended otherwise than it should.
        """
        for number in range(runs):
            Play(self, self.seed * 1000 + number).run()
            self.runs += 1


class Play:
    """One run of a world."""

    def __init__(self, world: CoreWorld, seed: int) -> None:
        self.world = world
        self.rng = world.rng
        self.fate = Fate(seed, harm=self.rng.choice((0, 10, 25, 50)))
        self.now = START
        self.graph = RunGraph.start(world.plan)
        self.legs: dict[tuple[str, str], int] = {}
        self.hands: list[Node] = []
        self.meddles = self.rng.choice((0, 2, 5)) if world.wild else 0
        self.started = self.now

    def run(self) -> None:
        """Play it to its end, and hold the end against the reference."""
        self.tell(RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=self.now))
        for _ in range(100_000):
            if self.graph.state is not RunState.RUNNING:
                break
            self.step()
        else:
            raise BrokenError("the run does not end")
        self.check_end()

    def step(self) -> None:
        """Let one thing happen."""
        chance = self.rng.random()
        if chance < 0.01:
            self.reload()
        elif chance < 0.05:
            self.check_nothing_is_stuck()
        elif chance < 0.07 and self.meddles:
            self.meddle()
        elif chance < 0.13 and past_wanted(self.graph):
            self.say_past()
        elif self.hands and chance < 0.97:
            self.take_one()
        else:
            self.let_time_pass()

    def tell(self, event: Event) -> None:
        """Write one event, and all that follows from it."""
        graph = self.graph
        before = graph.seq
        fold(graph, before + 1, event)
        if isinstance(event, TaskMoved) and event.new in AT_HAND and event.old not in AT_HAND:
            self.hands.append(graph.nodes[event.task_id, event.map_path])
        decided = self.decide()
        self.world.steps += 1
        if graph.seq != before + 1 + len(decided):
            raise BrokenError("decisions are not numbered one by one")
        if self.world.trace:
            print(graph.seq - len(decided), event)  # noqa: T201 - a replay is for reading

    def decide(self) -> list[Event]:
        """Take what follows now."""
        graph = self.graph
        decided = decide(graph, self.now)
        self.world.steps += len(decided)
        for event in decided:
            if isinstance(event, TaskMoved) and event.new is TaskState.SCHEDULED:
                self.hands.append(graph.nodes[event.task_id, event.map_path])
            if self.world.trace:
                print("   ", event)  # noqa: T201 - a replay is for reading
        return decided

    def take_one(self) -> None:
        """Let one instance that somebody works on take its next step."""
        hands = self.hands
        place = int(self.rng.random() * len(hands))
        node = hands[place]
        if node.state not in AT_HAND:
            hands[place] = hands[-1]
            hands.pop()
            return
        # A node may be at hand twice (given back and scheduled again): harmless.
        state = node.state
        if state is TaskState.SCHEDULED:
            self.move(node, TaskState.QUEUED)
        elif state is TaskState.QUEUED:
            new = TaskState.SCHEDULED if self.rng.random() < 0.02 else TaskState.RUNNING
            self.move(node, new)
        elif state is TaskState.DEFERRED or state is TaskState.AWAITING_INPUT:
            self.move(node, TaskState.SCHEDULED)
        else:
            self.end_leg(node)

    def end_leg(self, node: Node) -> None:
        """End one leg as fate has it."""
        task = self.world.spec.tasks[node.task]
        key = (task.task_id, node.path)
        leg = self.legs.get(key, 0) + 1
        outcome = self.fate.leg(task.task_id, node.path, node.try_number, leg)
        self.legs[key] = 0 if outcome in _ENDS else leg
        follows = after_leg(
            outcome,
            try_number=node.try_number,
            max_tries=node.max_tries,
            delay=retry_delay(
                task.retry,
                dag_id="d",
                task_id=task.task_id,
                logical_date=START,
                try_number=node.try_number,
            ),
            now=self.now,
            state=node.state,
            wake_at=self.now + SECOND,
        )
        if follows is None:
            raise BrokenError("a leg ended of an instance that has ended")
        pushed: tuple[tuple[str, int | None], ...] = ()
        skips: tuple[str, ...] = ()
        if follows.state is TaskState.SUCCESS:
            skips = self.skips(task.task_id, node.path)
            pushed = tuple(
                (awaited, self.fate.length(task.task_id, node.path, awaited))
                for awaited in ("a", "b")
                if self.fate.pushes(task.task_id, node.path, awaited)
            )
        self.move(node, follows.state, follows.wake_at, pushed, skips)

    def move(
        self,
        node: Node,
        new: TaskState,
        wake_at: datetime | None = None,
        pushed: tuple[tuple[str, int | None], ...] = (),
        skips: tuple[str, ...] = (),
        max_tries: int | None = None,
    ) -> None:
        """Tell of one move."""
        self.tell(
            TaskMoved(
                task_id=self.world.spec.tasks[node.task].task_id,
                map_path=node.path,
                old=node.state,
                new=new,
                try_number=node.try_number,
                wake_at=wake_at,
                pushed=pushed,
                skips=skips,
                max_tries=max_tries,
            )
        )

    def let_time_pass(self) -> None:
        """Go to the next wake-up, or a little on."""
        wake = next_wake(self.graph)
        if self.hands and self.rng.random() < 0.5:
            self.now += SECOND / 2
        elif wake is not None:
            self.now = max(self.now, wake)
        elif past_wanted(self.graph):
            self.say_past()
        elif self.graph.past_held:
            self.say_past(sure=True)
        elif not self.hands:
            raise BrokenError("nothing is at hand, no wake-up is due, and the run has not ended")
        self.decide()

    def say_past(self, *, sure: bool = False) -> None:
        """Say something about earlier runs of a task that waits for it."""
        graph = self.graph
        task, _ = self.rng.choice(sorted(graph.past_held))
        ok = sure or self.rng.random() < 0.7
        graph.set_past(self.world.spec.tasks[task].task_id, ok)
        self.decide()

    def reload(self) -> None:
        """Forget the graph, and load it from what rows would hold."""
        old = self.graph
        new = RunGraph.load(
            self.world.plan,
            old.snapshot(),
            state=old.state,
            seq=old.seq,
            start_date=self.started,
            retries=old.retries,
        )
        for task, ok in old.past.items():
            new.set_past(self.world.spec.tasks[task].task_id, ok)
        if facts_of(new) != facts_of(old):
            raise BrokenError(f"loaded {facts_of(new)} is not folded {facts_of(old)}")
        self.graph = new
        self.hands = [node for node in new.nodes.values() if node.state in AT_HAND]
        self.world.reloads += 1
        # What was cleared beside a failure that stands is stopped again: a row does not tell that
        # the stop was done before.
        stops_again = self.world.spec.fail_fast and new.failures > 0
        if self.decide() and not stops_again:
            raise BrokenError("a graph that was loaded decides what the one before did not")

    def check_nothing_is_stuck(self) -> None:
        """Hold the graph against the reference: nothing that has to follow is missing."""
        graph = self.graph
        held = {self.world.spec.tasks[task].task_id for task, _ in graph.past_held}
        marked = {name for node in graph.nodes.values() for name in node.skips}
        stuck = self.world.reading.stuck(self.states(), held, marked)
        if stuck:
            raise BrokenError(f"these wait though they need not: {stuck}")

    def meddle(self) -> None:
        """A person clears or marks something."""
        self.meddles -= 1
        node = self.rng.choice(list(self.graph.nodes.values()))
        retries = self.world.spec.tasks[node.task].retry.retries
        if node.state is TaskState.RUNNING:
            marks = (TaskState.RESTARTING, TaskState.SUCCESS, TaskState.FAILED)
            self.legs.pop((self.world.spec.tasks[node.task].task_id, node.path), None)
            self.move(node, self.rng.choice(marks))
        elif node.state in TERMINAL_TASK and node.state is not TaskState.REMOVED:
            self.move(node, TaskState.NONE, max_tries=node.try_number + retries)

    def skips(self, task_id: str, path: str) -> tuple[str, ...]:
        """Answer what an instance that succeeded chose to skip."""
        if self.world.tasks[task_id].is_empty:
            return ()
        return self.fate.skips(task_id, path, self.world.skippable[task_id])

    def fate_length(self, task_id: str, path: str, key: str) -> int | None:
        """Answer what an instance that succeeded pushed; one with nothing to run pushes nothing."""
        empty = self.world.tasks[task_id].is_empty
        return None if empty else self.fate.length(task_id, path, key)

    def states(self) -> States:
        """Answer the states as they stand."""
        return {key: node.state for key, node in self.graph.nodes.items()}

    def check_end(self) -> None:
        """Hold the end against the reference."""
        graph, reading = self.graph, self.world.reading
        states = self.states()
        if any(state not in TERMINAL_TASK for state in states.values()):
            raise BrokenError("the run ended before its tasks did")
        timed_out = self.world.plan.timeout and self.now >= self.started + self.world.plan.timeout
        if timed_out:
            return
        if (graph.state is RunState.FAILED) != reading.run_fails(states):
            raise BrokenError(f"the run is {graph.state}, its leaves say otherwise: {states}")
        if self.world.wild:
            return
        due = reading.ending(
            lambda name, path: self.fate.ends(self.world.tasks[name], path),
            self.fate_length,
            lambda name, path, key: self.fate_length(name, path, key) is not None,
            self.skips,
        )
        if states != due:
            wrong = {
                key: (states.get(key), due.get(key))
                for key in states.keys() | due.keys()
                if states.get(key) is not due.get(key)
            }
            raise BrokenError(f"ended (is, ought): {wrong}")


def facts_of(graph: RunGraph) -> dict[str, object]:
    """Answer all that a graph knows, but for what it has still to look at."""
    return {
        "rows": [{at: row for at, row in rows.items() if any(row)} for rows in graph.rows],
        "own": graph.own,
        "sizes": graph.sizes,
        "cells": [
            {at: (cell.waiting, cell.scheduled) for at, cell in cells.items()}
            for cells in graph.cells
        ],
        "groups": {
            key: (one.size, one.unfinished, one.failed, one.failed_leaves, one.open, one.settled)
            for key, one in graph.groups.items()
        },
        "retries": graph.retries,
        "unfinished": graph.unfinished,
        "idle": graph.idle,
        "failed_leaves": graph.failed_leaves,
        "failures": graph.failures,
        "skip_marks": {task: marks for task, marks in graph.skip_marks.items() if marks},
        "deadline": graph.deadline,
        "wake": next_wake(graph),
        "instances": graph.snapshot(),
    }


def play_worlds(first: int, steps: int) -> tuple[int, int, int]:
    """Play worlds from a seed on until that many steps are done; answer steps, runs, worlds.

    Raises:
        BrokenError: With the seed in it.
    """
    done = runs = worlds = 0
    while done < steps:
        world = CoreWorld(first + worlds)
        try:
            world.play()
        except Exception as fault:
            raise BrokenError(
                f"seed {world.seed}: {fault!r}; replay with "
                f"python -m tests.simulation.core_world --seed {world.seed}"
            ) from fault
        done += world.steps
        runs += world.runs
        worlds += 1
    return done, runs, worlds


def main() -> None:
    """Replay one world, or play many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0)
    asked = parser.parse_args()
    if not asked.steps:
        CoreWorld(asked.seed, trace=True).play()
        return
    begun = time.monotonic()
    steps, runs, worlds = play_worlds(asked.seed, asked.steps)
    took = time.monotonic() - begun
    print(f"{steps} steps, {runs} runs, {worlds} Dags in {took:.1f} s")  # noqa: T201


if __name__ == "__main__":
    main()
