"""Clears: task instances and runs start over, without two attempts of one ever living at once.

A clear is looked over first (``plan``: reads only) and then carried out, run by run. An instance
that runs is told to end and starts over when it has; whatever else it left behind is waited for
before it is admitted again.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from tradewind.core.clearing import CLEARED, RUNNING_STATES, Choice, Pick, clear_move
from tradewind.core.events import RunDoomed, RunMoved
from tradewind.core.planning import plan_instances
from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_RUN, RunState
from tradewind.errors import ConflictError, NotFoundError, RefusedError
from tradewind.scheduler.code import newest_code
from tradewind.scheduler.commands import Commands, find_runnable
from tradewind.scheduler.live import Key, LiveRun, new_instance
from tradewind.scheduler.markers import Target, cycle_sentence, follow_marks
from tradewind.scheduler.planner import Planner
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.selection import Selected as Chosen
from tradewind.scheduler.selection import Selection, check_indices, check_names
from tradewind.scheduler.wishes import ClearWish
from tradewind.store import attempts, chosen_runs, dags, runs
from tradewind.store.chosen_runs import RunScope
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx
from tradewind.store.tasks import TaskInstance


class RunClear(msgspec.Struct, frozen=True, kw_only=True):
    """What is cleared of one run."""

    run: Run
    rows: tuple[TaskInstance, ...]
    """Instances as they stood when it was looked over; new ones have no id."""
    on_latest: bool = False
    """Whether the run moves to the newest version of its Dag."""

    @property
    def keys(self) -> list[Key]:
        """Task ids and map paths of the instances that were there."""
        return [(row.task_id, row.map_path) for row in self.rows if row.id]


class ClearPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a clear would do."""

    runs: tuple[RunClear, ...]
    """Of the Dag itself first, then of Dags that marks lead to."""
    warnings: tuple[str, ...] = ()


class Clearing:
    """Carries out clears, or refuses them and changes nothing."""

    def __init__(
        self, live: Runs, planner: Planner, commands: Commands, *, on_latest: bool = False
    ) -> None:
        """Bind the parts, and say whether cleared runs move to the newest version by default."""
        self._live = live
        self._planner = planner
        self._commands = commands
        self._on_latest = on_latest

    # ------------------------------------------------------------------ looking over

    def plan(self, tx: Tx, wish: ClearWish) -> ClearPlan:
        """Answer what a clear would do; reads only.

        Raises:
            NotFoundError: There is no such Dag, run, task, group or map index.
            ConflictError: Something that is meant runs and that was not to be.
            RefusedError: The Dag is gone from its file and its newest version was asked for, or
                marks lead from Dag to Dag without an end.
        """
        look = Selection(tx)
        meant = look.runs(wish.dag_id, wish.scope)
        facts = dags.read_dag(tx, wish.dag_id)
        found = [self._look_at(look, run, facts, wish) for run in meant]
        specs = [look.spec(_version(one, facts)) for one in found]
        check_names(wish.dag_id, specs or [look.spec(facts.version_id)], wish.choice)
        chosen = [
            Chosen(run=one.run, spec=spec, rows=one.rows)
            for one, spec in zip(found, specs, strict=True)
        ]
        if chosen:
            check_indices(wish.dag_id, chosen, wish.choice)
        follower = _Follower(tx, look)
        if wish.follows:
            for mine in chosen:
                follower.follow(mine, None, ())
        others = follower.merged([one for one in found if one.rows])
        plan = ClearPlan(runs=tuple(others), warnings=tuple(follower.warnings))
        if wish.prevent_running:
            for one in plan.runs:
                _check_not_running(one.run, one.rows)
        return plan

    def _look_at(self, look: Selection, run: Run, facts: DagFacts, wish: ClearWish) -> RunClear:
        on_latest = self._moves(look, run, facts, wish)
        version = facts.version_id if on_latest else run.version_id or 0
        rows: list[TaskInstance] = []
        if not wish.only_new:
            rows = look.rows(run, version, wish.choice)
        if on_latest:
            there = look.rows(run, version, Choice(with_setups=False))
            fresh = _new_instances(run, look.spec(version), {row.task_id for row in there})
            if rows or wish.only_new or (wish.choice.is_all and wish.choice.states is None):
                # They run with the rest, whatever was named.
                rows += fresh
        return RunClear(run=run, rows=tuple(rows), on_latest=on_latest)

    def _moves(self, look: Selection, run: Run, facts: DagFacts, wish: ClearWish) -> bool:
        """Tell whether a run moves to the newest version: as wished, else by its Dag, the settings.

        Raises:
            ConflictError: It was asked for, and the run runs.
            RefusedError: It was asked for, and the Dag is gone.
        """
        wanted = True if wish.only_new else wish.on_latest
        if wanted is None:
            said = look.spec(facts.version_id).rerun_with_latest_version
            by_default = self._on_latest if said is None else said
            return by_default and not facts.is_stale and run.state is not RunState.RUNNING
        if wanted and facts.is_stale:
            raise RefusedError(
                "dag-is-stale",
                f"Dag '{facts.dag_id}' is gone from its file {facts.file}, so there is no newest "
                "version to run.",
                "Clear the run on the version it has.",
            )
        if wanted and run.state is RunState.RUNNING:
            raise ConflictError(
                "run-is-running",
                f"Run '{run.run_id}' of Dag '{run.dag_id}' is running: it stays on its version.",
                "Wait for it to end or cancel it, or clear it on the version it has.",
            )
        return wanted

    # ------------------------------------------------------------------ carrying out

    def clear(self, tx: Tx, wish: ClearWish, parts: Sequence[RunClear], now: datetime) -> int:
        """Let these start over; answer how many instances do.

        Raises:
            ConflictError: Something runs that was not to be, or a run that is to move to another
                version still ends a task.
        """
        return sum(self._clear_run(tx, wish, part, now) for part in parts)

    def _clear_run(self, tx: Tx, wish: ClearWish, part: RunClear, now: datetime) -> int:
        run = runs.read_run_by_pk(tx, part.run.pk)
        if run is None or not part.rows:
            return 0
        if wish.note is not None:
            chosen_runs.set_note(tx, run.pk, wish.note)
        live = self._begin(tx, wish, part, run, now)
        if wish.prevent_running:
            _check_not_running(run, [live.rows[key] for key in part.keys if key in live.rows])
        count = sum(self.clear_instance(live, key, now) for key in part.keys)
        count += sum(not row.id for row in part.rows)
        if live.state in TERMINAL_RUN and wish.reset_runs:
            self.requeue(live, now, CLEARED)
        elif live.graph.doom:
            self._live.record(live, RunDoomed(), now)
        return count

    def _begin(self, tx: Tx, wish: ClearWish, part: RunClear, run: Run, now: datetime) -> LiveRun:
        if part.on_latest and run.state is not RunState.RUNNING:
            if attempts.count_live_attempts_of_run(tx, run.pk):
                raise ConflictError(
                    "run-is-ending",
                    f"A task of run '{run.run_id}' of Dag '{run.dag_id}' has been told to end and "
                    "has not yet, so the run stays on its version.",
                    "Wait a moment, or clear it on the version it has.",
                )
            facts = find_runnable(tx, run.dag_id)
            newest = newest_code(tx, facts, facts.decode_spec())
            return self._commands.move_to(tx, run.pk, newest, {}, now)
        if run.state in TERMINAL_RUN and wish.reset_runs:
            chosen_runs.count_clear(tx, run.pk)
            return self._live.renew(tx, run.pk, now)
        return self._live.load(tx, run.pk)

    def clear_instance(self, live: LiveRun, key: Key, now: datetime, reason: str = CLEARED) -> bool:
        """Let one instance start over; False where it is about to anyway."""
        one = live.instance(key)
        if one is None:
            return False
        moved = clear_move(one, live.tasks[one.task_id].retry.retries, reason)
        if moved is None:
            return False
        self._live.record(live, moved, now)
        return True

    def requeue(self, live: LiveRun, now: datetime, reason: str) -> None:
        """Let an ended run go on."""
        moved = RunMoved(old=live.state, new=RunState.QUEUED, at=now, reason=reason)
        self._live.record(live, moved, now)
        self._planner.look_at(live.run)


class _Follower:
    """Follows marks from Dag to Dag, each mark once."""

    def __init__(self, tx: Tx, look: Selection) -> None:
        self._tx = tx
        self._look = look
        self._seen: set[tuple[int, Target]] = set()
        self._found: dict[int, tuple[Run, dict[Key, TaskInstance]]] = {}
        self.warnings: list[str] = []

    def follow(self, one: Chosen, depth: int | None, way: tuple[str, ...]) -> None:
        """Take in what the marks among these instances lead to, and what those lead to.

        Raises:
            RefusedError: There are more marks in a row than the first of them allows.
        """
        followed = follow_marks(self._tx, one.run, one.spec, one.rows)
        self.warnings += followed.warnings
        for target in followed.targets:
            if (one.run.pk, target) in self._seen:
                continue
            self._seen.add((one.run.pk, target))
            left = target.depth if depth is None else depth
            if left <= 0:
                raise RefusedError(
                    "too-many-marks",
                    cycle_sentence(target, way),
                    "Raise recursion_depth of the first, or clear without following marks.",
                )
            here = (*way, f"{one.run.dag_id} ({one.run.run_id})")
            for other in self._at(target):
                self._take(other)
                self.follow(other, left - 1, here)

    def _at(self, target: Target) -> list[Chosen]:
        choice = Choice(picks=(Pick(target.task_id),), downstream=True)
        run = runs.read_run_of_date(self._tx, target.dag_id, target.logical_date)
        if run is None:
            return []
        try:
            return self._look.select(target.dag_id, RunScope(run_ids=(run.run_id,)), choice)
        except NotFoundError as error:
            self.warnings.append(f"A mark leads nowhere: {error}")
            return []

    def _take(self, one: Chosen) -> None:
        rows = self._found.setdefault(one.run.pk, (one.run, {}))[1]
        rows.update({(row.task_id, row.map_path): row for row in one.rows})

    def merged(self, own: Sequence[RunClear]) -> list[RunClear]:
        """Answer these, with what was found of the same runs, and then what was found of others."""
        answer = []
        for one in own:
            _, more = self._found.pop(one.run.pk, (one.run, {}))
            known = {(row.task_id, row.map_path) for row in one.rows}
            fresh = tuple(row for key, row in more.items() if key not in known)
            answer.append(msgspec.structs.replace(one, rows=one.rows + fresh))
        answer += [
            RunClear(run=run, rows=tuple(rows.values())) for run, rows in self._found.values()
        ]
        return answer


def _version(one: RunClear, facts: DagFacts) -> int:
    return facts.version_id if one.on_latest else one.run.version_id or 0


def _new_instances(run: Run, spec: DagSpec, there: set[str]) -> list[TaskInstance]:
    wanted = {one.task_id for one in plan_instances(spec, run.logical_date)}
    return [new_instance(run, task) for task in spec.tasks if task.task_id in wanted - there]


def _check_not_running(run: Run, rows: Sequence[TaskInstance]) -> None:
    for row in rows:
        if row.state in RUNNING_STATES:
            raise ConflictError(
                "task-is-running",
                f"Task '{row.task_id}' is running in run '{run.run_id}' of Dag '{run.dag_id}'.",
                "Wait for it to end, or clear it without preventing that.",
            )
