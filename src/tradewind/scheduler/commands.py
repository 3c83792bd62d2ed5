"""What people ask for: runs, backfills, pauses, deletions. Each is one transaction."""

from collections.abc import Iterable
from datetime import datetime

from tradewind.core import backfill as planned
from tradewind.core.backfill import DateDecision, ExistingRun, Reprocess
from tradewind.core.events import RunMoved, TaskMoved
from tradewind.core.params import check_conf
from tradewind.core.planning import plan_instances
from tradewind.core.runs import Run, RunType, check_chosen_run_id, run_id_of
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState
from tradewind.core.timetables import manual_run
from tradewind.errors import ConflictError, NotFoundError, RefusedError, did_you_mean
from tradewind.scheduler.live import LiveRun, new_instance
from tradewind.scheduler.planner import Planner
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.wishes import BackfillWish, Trigger
from tradewind.store import attempts, backfills, bundles, dags, runs, tasks
from tradewind.store.backfills import BackfillDate, BackfillFacts
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx


class Commands:
    """Carries out wishes, or refuses them with a sentence and changes nothing."""

    def __init__(self, live: Runs, planner: Planner, *, conf_overrides_params: bool = True) -> None:
        """Bind the parts, and say whether a run's conf goes over the Dag's Params."""
        self._overrides = conf_overrides_params
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
        facts = _runnable(tx, wish.dag_id)
        spec = facts.decode_spec()
        _check_allowed(spec, wish.run_type)
        check_conf(spec.dag_id, spec.params, wish.conf, overrides=self._overrides)
        if wish.run_id is not None:
            check_chosen_run_id(wish.run_id, wish.run_type)
        run_after = wish.run_after or now
        when = manual_run(spec.timetable, logical_date=wish.logical_date, run_after=run_after)
        run = Run(
            dag_id=wish.dag_id,
            run_id=wish.run_id or run_id_of(wish.run_type, run_after, wish.logical_date),
            run_type=wish.run_type,
            logical_date=wish.logical_date,
            data_interval_start=wish.data_interval_start or when.data_interval_start,
            data_interval_end=wish.data_interval_end or when.data_interval_end,
            run_after=run_after,
            conf=wish.conf,
            note=wish.note,
            triggered_by=wish.triggered_by,
            triggering_user_name=wish.user_name,
        )
        return self._planner.make(tx, facts, spec, run, now).run

    def restart(self, tx: Tx, wish: Trigger, now: datetime) -> Run:
        """Let the ended run that is in the way of this wish start over, on the newest version.

        It keeps its id and its dates, and gets the conf of the wish.

        Raises:
            NotFoundError: There is no such Dag, or no such run.
            ConflictError: The run has not ended, or a task of it that was told to end has not.
        """
        facts = _runnable(tx, wish.dag_id)
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
        bundle = bundles.read_bundle(tx, facts.bundle)
        self._leave_behind(tx, run.pk, spec, now)
        runs.renew_run(tx, run.pk, facts.version_id, bundle.digest if bundle else "", wish.conf)
        self.clear(tx, self._reload(tx, run.pk, spec), now)
        return run

    def plan_backfill(self, tx: Tx, wish: BackfillWish, now: datetime) -> list[BackfillDate]:
        """Answer what a backfill would do with each date; changes nothing.

        Raises:
            NotFoundError: There is no such Dag.
            ConflictError: The Dag has an active backfill.
            RefusedError: The range or the Dag does not allow it.
        """
        _, _, dates = self._plan_backfill(tx, wish, now)
        return [_stored(place, date) for place, date in enumerate(dates)]

    def create_backfill(
        self, tx: Tx, wish: BackfillWish, now: datetime
    ) -> tuple[BackfillFacts, list[BackfillDate]]:
        """Make the runs of a backfill; they start as its own limit allows.

        Raises:
            NotFoundError: There is no such Dag.
            ConflictError: The Dag has an active backfill.
            RefusedError: The range or the Dag does not allow it.
        """
        facts, spec, dates = self._plan_backfill(tx, wish, now)
        new = BackfillFacts(
            dag_id=wish.dag_id,
            from_date=wish.from_date,
            to_date=wish.to_date,
            max_active_runs=wish.max_active_runs,
            reprocess_behavior=wish.reprocess_behavior,
            run_backwards=wish.run_backwards,
            conf=wish.conf,
            created_at=now,
        )
        backfill_id = backfills.insert_backfill(tx, new, ())
        made = []
        for place, date in enumerate(dates):
            stored = _stored(place, date)
            if date.decision is not DateDecision.SKIP:
                run = self._run_of_date(tx, backfill_id, facts, spec, wish, date, now)
                stored = BackfillDate(
                    position=place,
                    logical_date=date.logical_date,
                    decision=stored.decision,
                    reason=stored.reason,
                    run_pk=run.pk,
                )
            made.append(stored)
        backfills.insert_backfill_dates(tx, backfill_id, made)
        if all(date.decision is DateDecision.SKIP for date in dates):
            backfills.complete_backfill(tx, backfill_id, now)
        written = backfills.read_backfill(tx, backfill_id)
        return written or new, made

    def _plan_backfill(
        self, tx: Tx, wish: BackfillWish, now: datetime
    ) -> tuple[DagFacts, DagSpec, list[planned.BackfillDate]]:
        facts = _runnable(tx, wish.dag_id)
        spec = facts.decode_spec()
        check_conf(spec.dag_id, spec.params, wish.conf, overrides=self._overrides)
        there = runs.read_runs_between(tx, wish.dag_id, wish.from_date, wish.to_date)
        living = attempts.read_runs_with_live_attempts(tx, wish.dag_id)
        active = backfills.read_active_backfill_of(tx, wish.dag_id)
        dates = planned.plan_backfill(
            spec,
            planned.BackfillWish(
                from_date=wish.from_date,
                to_date=wish.to_date,
                reprocess=_reprocess(wish.reprocess_behavior),
                run_backwards=wish.run_backwards,
                max_active_runs=wish.max_active_runs,
            ),
            now=now,
            existing={
                # A run that timed out is in flight until the last of its tasks has been ended.
                date: ExistingRun(
                    run_id=run.run_id,
                    state=RunState.RUNNING if run.pk in living else run.state,
                )
                for date, run in there.items()
            },
            active_backfill=active.id if active else None,
        )
        return facts, spec, dates

    def _run_of_date(
        self,
        tx: Tx,
        backfill_id: int,
        facts: DagFacts,
        spec: DagSpec,
        wish: BackfillWish,
        date: planned.BackfillDate,
        now: datetime,
    ) -> Run:
        info = date.info
        if date.decision is DateDecision.CLEAR and date.run_id is not None:
            run = runs.read_run(tx, facts.dag_id, date.run_id)
            if run is not None:
                bundle = bundles.read_bundle(tx, facts.bundle)
                digest = bundle.digest if bundle else ""
                self._leave_behind(tx, run.pk, spec, now)
                runs.adopt_run(tx, run.pk, backfill_id, facts.version_id, digest, wish.conf)
                self.clear(tx, self._reload(tx, run.pk, spec), now)
                return run
        run = Run(
            dag_id=facts.dag_id,
            run_id=run_id_of(RunType.BACKFILL, info.run_after, info.logical_date),
            run_type=RunType.BACKFILL,
            logical_date=info.logical_date,
            data_interval_start=info.data_interval_start,
            data_interval_end=info.data_interval_end,
            run_after=info.run_after,
            conf=wish.conf,
            triggered_by="backfill",
            backfill_id=backfill_id,
        )
        return self._planner.make(tx, facts, spec, run, now).run

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

    def _reload(self, tx: Tx, pk: int, spec: DagSpec) -> LiveRun:
        """Load an ended run under the newest version: tasks it did not have get an instance."""
        run = runs.read_run_by_pk(tx, pk)
        if run is not None:
            there = {row.task_id for row in tasks.read_instances(tx, pk)}
            wanted = {one.task_id for one in plan_instances(spec, run.logical_date)}
            fresh = [new_instance(run, t) for t in spec.tasks if t.task_id in wanted - there]
            tasks.insert_instances(tx, fresh)
        return self._live.load(tx, pk)

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

    def set_paused(self, tx: Tx, dag_ids: Iterable[str], paused: bool, now: datetime) -> list[str]:
        """Pause Dags or let them go on; answer those that were not so before."""
        changed = dags.set_paused(tx, dag_ids, paused, now)
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
        self._live.forget()
        self._planner.run_left(tx, run, now)

    def pause_backfill(
        self, tx: Tx, backfill_id: int, paused: bool, now: datetime
    ) -> BackfillFacts:
        """Hold or resume a backfill; runs that run go on.

        Raises:
            NotFoundError: There is no such backfill.
            ConflictError: It is completed.
        """
        facts = _backfill(tx, backfill_id)
        if not backfills.set_backfill_paused(tx, backfill_id, paused):
            raise _completed(facts)
        self._planner.look_again()
        return _backfill(tx, backfill_id)

    def cancel_backfill(self, tx: Tx, backfill_id: int, now: datetime) -> BackfillFacts:
        """End a backfill: its queued runs fail, runs that run go on.

        Raises:
            NotFoundError: There is no such backfill.
            ConflictError: It is completed.
        """
        facts = _backfill(tx, backfill_id)
        backfills.set_backfill_paused(tx, backfill_id, True)
        if not backfills.complete_backfill(tx, backfill_id, now):
            raise _completed(facts)
        wish = runs.RunFilter(backfill_id=backfill_id, states=("queued",))
        for run in runs.list_runs(tx, wish, limit=planned.MOST_DATES):
            live = self._live.load(tx, run.pk)
            moved = RunMoved(
                old=RunState.QUEUED,
                new=RunState.FAILED,
                at=now,
                reason="its backfill was cancelled",
            )
            self._live.record(live, moved, now)
        return _backfill(tx, backfill_id)


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


def _runnable(tx: Tx, dag_id: str) -> DagFacts:
    facts = dags.read_dag(tx, dag_id)
    if facts.is_stale:
        raise RefusedError(
            "dag-is-stale",
            f"Dag '{dag_id}' is gone from its file {facts.file}.",
            "Put it back, or delete the Dag.",
        )
    return facts


def _check_allowed(spec: DagSpec, run_type: RunType) -> None:
    if spec.allowed_run_types is not None and run_type.value not in spec.allowed_run_types:
        allowed = ", ".join(spec.allowed_run_types)
        raise RefusedError(
            "run-type-not-allowed",
            f"Dag '{spec.dag_id}' does not allow {run_type.value} runs, only: {allowed}.",
        )


def _reprocess(text: str) -> Reprocess:
    try:
        return Reprocess(text)
    except ValueError:
        raise RefusedError(
            "bad-reprocess-behavior",
            f"There is no reprocess behavior '{text}'.",
            "Use none, failed or completed.",
        ) from None


def _stored(place: int, date: planned.BackfillDate) -> BackfillDate:
    return BackfillDate(
        position=place,
        logical_date=date.logical_date,
        decision=date.decision.value,
        reason=date.reason or None,
    )


def _backfill(tx: Tx, backfill_id: int) -> BackfillFacts:
    facts = backfills.read_backfill(tx, backfill_id)
    if facts is None:
        raise NotFoundError("backfill-not-found", f"There is no backfill {backfill_id}.")
    return facts


def _completed(facts: BackfillFacts) -> ConflictError:
    return ConflictError(
        "backfill-completed", f"Backfill {facts.id} of Dag '{facts.dag_id}' is completed already."
    )
