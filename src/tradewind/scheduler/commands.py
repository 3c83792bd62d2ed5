"""What people ask for: runs, pauses, deletions. Each is one transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.events import RunMoved, TaskMoved
from tradewind.core.params import check_conf
from tradewind.core.planning import plan_instances
from tradewind.core.runs import Run, RunType, check_chosen_run_id, partition_run_id, run_id_of
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState
from tradewind.core.timetables import has_partitions, manual_run
from tradewind.errors import ConflictError, NotFoundError, RefusedError, did_you_mean
from tradewind.scheduler.code import Code, newest_code
from tradewind.scheduler.forecasts import question_of_trigger
from tradewind.scheduler.live import LiveRun, new_instance
from tradewind.scheduler.planner import Planner
from tradewind.scheduler.policy import RunPolicy
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.wishes import Trigger
from tradewind.store import asset_queue, assets, attempts, dags, runs, tasks
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx


class Commands:
    """Carries out wishes, or refuses them with a sentence and changes nothing."""

    def __init__(self, live: Runs, planner: Planner, rules: RunPolicy) -> None:
        """Bind the parts, and what the installation says of its runs."""
        self._overrides = rules.conf_overrides_params
        self._allowed_ids = rules.allowed_run_ids
        self._live = live
        self._planner = planner

    def trigger(self, tx: Tx, wish: Trigger, now: datetime) -> Run:
        """Make a run that a person or a task asks for.

        Its data interval comes from its logical date. Without one, it has none.

        Raises:
            NotFoundError: There is no such Dag.
            ConflictError: It has a run of that id or logical date.
            RefusedError: The Dag is gone from its file, allows no such runs, has no task at that
                date, the run id is not legal, or the conf does not fit the Dag's Params.
        """
        facts = find_runnable(tx, wish.dag_id)
        spec = facts.decode_spec()
        check_allowed(spec, wish.run_type)
        check_conf(spec.dag_id, spec.params, wish.conf, overrides=self._overrides)
        _check_partition(spec, wish.partition_key)
        if wish.run_id is not None:
            check_chosen_run_id(wish.run_id, wish.run_type, self._allowed_ids)
        run_after = wish.run_after or now
        when = manual_run(spec.timetable, logical_date=wish.logical_date, run_after=run_after)
        asked = question_of_trigger(spec.timetable, wish)
        told = None if asked is None else self._planner.forecasts.answer(tx, wish.dag_id, asked)
        if told is not None:
            when = msgspec.structs.replace(
                when,
                data_interval_start=told.start or when.data_interval_start,
                data_interval_end=told.end or when.data_interval_end,
            )
        named = told.run_id if told is not None else None
        run = Run(
            dag_id=wish.dag_id,
            run_id=wish.run_id or named or _id_of(wish, run_after),
            run_type=wish.run_type,
            logical_date=wish.logical_date,
            data_interval_start=wish.data_interval_start or when.data_interval_start,
            data_interval_end=wish.data_interval_end or when.data_interval_end,
            run_after=run_after,
            conf=wish.conf,
            note=wish.note,
            triggered_by=wish.triggered_by,
            triggering_user_name=wish.user_name,
            partition_key=wish.partition_key,
        )
        return self._planner.make(tx, facts, spec, run, now).run

    def restart(self, tx: Tx, wish: Trigger, now: datetime) -> Run:
        """Let the ended run that is in the way of this wish start over, on the newest version.

        It keeps its id and its dates, and gets the conf of the wish.

        Raises:
            NotFoundError: There is no such Dag, or no such run.
            ConflictError: The run has not ended, or a task of it that was told to end has not.
        """
        facts = find_runnable(tx, wish.dag_id)
        spec = facts.decode_spec()
        check_conf(spec.dag_id, spec.params, wish.conf, overrides=self._overrides)
        run = (
            runs.read_run_of_date(tx, wish.dag_id, wish.logical_date) if wish.logical_date else None
        )
        run = run or find_run(tx, wish.dag_id, wish.run_id or "")
        if run.state not in TERMINAL_RUN or attempts.count_live_attempts_of_run(tx, run.pk):
            raise ConflictError(
                "run-is-running",
                f"Run '{run.run_id}' of Dag '{run.dag_id}' has not ended, so it cannot start over.",
                "Wait for it to end.",
            )
        self.start_over(tx, run.pk, newest_code(tx, facts, spec), wish.conf, now)
        return run

    def start_over(
        self, tx: Tx, pk: int, code: Code | None, conf: dict[str, Any], now: datetime
    ) -> None:
        """Let an ended run start over, with this conf unless it is empty.

        Args:
            tx: The transaction.
            pk: Key of the run.
            code: What it is to run from now on; None: what it ran before.
            conf: Its conf.
            now: The present moment.
        """
        if code is None:
            runs.renew_run(tx, pk, None, conf)
            self.clear(tx, self._live.renew(tx, pk, now), now)
            return
        self.clear(tx, self.move_to(tx, pk, code, conf, now), now)

    def move_to(self, tx: Tx, pk: int, code: Code, conf: dict[str, Any], now: datetime) -> LiveRun:
        """Take a run that nothing of runs under another version of its Dag.

        Tasks that it did not have get an instance. It counts as cleared once more.
        """
        self._leave_behind(tx, pk, code.spec, now)
        runs.renew_run(tx, pk, (code.version_id, code.files), conf)
        return self._reload(tx, pk, code.spec, now)

    def _leave_behind(self, tx: Tx, pk: int, spec: DagSpec, now: datetime) -> None:
        """Remove instances that wait in an ended run for nothing: their tasks left the Dag.

        Done under the version that knows these tasks; the newest one does not.
        """
        live = self._live.load(tx, pk)
        staying = {task.task_id for task in spec.tasks}
        for row in list(live.rows.values()):
            if row.state is TaskState.NONE and row.task_id not in staying:
                gone = TaskMoved(
                    task_id=row.task_id,
                    map_path=row.map_path,
                    old=row.state,
                    new=TaskState.REMOVED,
                    try_number=row.try_number,
                    reason="the task left the Dag",
                )
                self._live.record(live, gone, now)
        self._live.decide(tx, now)
        self._live.flush(tx, now)

    def _reload(self, tx: Tx, pk: int, spec: DagSpec, now: datetime) -> LiveRun:
        """Load an ended run under the newest version: tasks it did not have get an instance."""
        run = runs.read_run_by_pk(tx, pk)
        if run is not None:
            there = {row.task_id for row in tasks.read_instances(tx, pk)}
            wanted = {one.task_id for one in plan_instances(spec, run.logical_date)}
            fresh = [new_instance(run, t) for t in spec.tasks if t.task_id in wanted - there]
            tasks.insert_instances(tx, fresh)
        return self._live.renew(tx, pk, now)

    def clear(self, tx: Tx, live: LiveRun, now: datetime) -> None:
        """Let an ended run start over: every instance back to none, with its retries anew."""
        for key, row in list(live.rows.items()):
            if row.state in TERMINAL_TASK and key in live.graph.nodes:
                moved = TaskMoved(
                    task_id=row.task_id,
                    map_path=row.map_path,
                    old=row.state,
                    new=TaskState.NONE,
                    try_number=row.try_number,
                    reason="cleared",
                    max_tries=row.try_number + live.tasks[row.task_id].retry.retries,
                )
                self._live.record(live, moved, now)
        moved_run = RunMoved(old=live.state, new=RunState.QUEUED, at=now, reason="cleared")
        self._live.record(live, moved_run, now)
        self._planner.look_again()

    def set_paused(
        self, tx: Tx, dag_ids: Iterable[str], paused: bool, now: datetime, why: str = ""
    ) -> list[str]:
        """Pause Dags or let them go on; answer those that were not so before.

        Args:
            tx: The transaction.
            dag_ids: The Dags.
            paused: Whether they are to be paused.
            now: The present moment.
            why: Why, where it is not a person who wants it.
        """
        changed = dags.set_paused(tx, dag_ids, paused, now, why)
        for dag_id in changed:
            if paused:
                self._live.waiting.pause(dag_id)
            else:
                self._live.waiting.unpause(dag_id)
        self._planner.look_again()
        return changed

    def delete_dag(self, tx: Tx, dag_id: str) -> None:
        """Delete a Dag with all its history.

        Raises:
            NotFoundError: There is no such Dag.
            ConflictError: A task of it runs now.
        """
        dags.delete_dag(tx, dag_id)
        assets.drop_asset_uses(tx, [dag_id])
        asset_queue.delete_queued(tx, dag_id=dag_id)
        self._live.forget()

    def delete_run(self, tx: Tx, dag_id: str, run_id: str, now: datetime) -> None:
        """Delete a run with all that belongs to it.

        Raises:
            NotFoundError: There is no such Dag or run.
            ConflictError: It runs now, or a task of it that was told to end has not yet.
        """
        run = find_run(tx, dag_id, run_id)
        if run.state is RunState.RUNNING or attempts.count_live_attempts_of_run(tx, run.pk):
            raise ConflictError(
                "run-is-running",
                f"Run '{run_id}' of Dag '{dag_id}' is running.",
                "Wait for it to end, then delete it.",
            )
        runs.delete_run(tx, run.pk)
        self._live.note_gone(run.pk)
        self._planner.run_left(tx, run, now)


def _check_partition(spec: DagSpec, key: str | None) -> None:
    if key is not None and not has_partitions(spec.timetable):
        raise RefusedError(
            "no-partitions", f"Dag '{spec.dag_id}' has no partitions.", "Leave partition_key out."
        )


def _id_of(wish: Trigger, run_after: datetime) -> str:
    if wish.partition_key is not None:
        return partition_run_id(wish.run_type, run_after, wish.partition_key)
    return run_id_of(wish.run_type, run_after, wish.logical_date)


def find_run(tx: Tx, dag_id: str, run_id: str) -> Run:
    """Answer a run.

    Raises:
        NotFoundError: There is no such Dag, or it has no such run; the hint names the nearest.
    """
    run = runs.read_run(tx, dag_id, run_id)
    if run is not None:
        return run
    dags.read_dag(tx, dag_id)
    near = [one.run_id for one in runs.list_runs(tx, runs.RunFilter(dag_id=dag_id))]
    raise NotFoundError(
        "run-not-found",
        f"Dag '{dag_id}' has no run '{run_id}'.",
        did_you_mean(run_id, near),
    )


def find_runnable(tx: Tx, dag_id: str) -> DagFacts:
    """Answer a Dag that is to run.

    Raises:
        NotFoundError: There is no such Dag.
        RefusedError: It is gone from its file.
    """
    facts = dags.read_dag(tx, dag_id)
    if facts.is_stale:
        raise RefusedError(
            "dag-is-stale",
            f"Dag '{dag_id}' is gone from its file {facts.file}.",
            "Put it back, or delete the Dag.",
        )
    return facts


def check_allowed(spec: DagSpec, run_type: RunType) -> None:
    """Refuse a run of a type that its Dag does not allow.

    Raises:
        RefusedError: The Dag's ``allowed_run_types`` leave it out.
    """
    if spec.allowed_run_types is not None and run_type.value not in spec.allowed_run_types:
        allowed = ", ".join(spec.allowed_run_types)
        raise RefusedError(
            "run-type-not-allowed",
            f"Dag '{spec.dag_id}' does not allow {run_type.value} runs, only: {allowed}.",
        )
