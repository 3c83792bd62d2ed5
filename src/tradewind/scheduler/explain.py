"""Why: what waits can say what it waits for, and what ended how it came to that."""

from datetime import datetime

from tradewind.core.admission import why_held
from tradewind.core.events import RunMoved, TaskMoved
from tradewind.core.planning import QueuedRun, Room, choose_runs_to_start
from tradewind.core.runs import Run
from tradewind.core.spec import TaskSpec
from tradewind.core.states import RunState, TaskState
from tradewind.errors import NotFoundError, did_you_mean
from tradewind.scheduler.commands import find_run
from tradewind.scheduler.runs import Runs
from tradewind.store import attempts, backfills, bundles, dags, events, pools, runs, tasks, workers
from tradewind.store.database import Tx
from tradewind.store.tasks import TaskInstance

_SHOWN = 20
_OPEN = (
    TaskState.NONE,
    TaskState.SCHEDULED,
    TaskState.QUEUED,
    TaskState.RUNNING,
    TaskState.RESTARTING,
    TaskState.UP_FOR_RETRY,
    TaskState.UP_FOR_RESCHEDULE,
    TaskState.DEFERRED,
    TaskState.AWAITING_INPUT,
)


class Explain:
    """Tells in sentences what the rows say; changes nothing."""

    def __init__(self, live: Runs) -> None:
        """Bind the keeper of live runs."""
        self._live = live

    def why(
        self, tx: Tx, dag_id: str, run_id: str, task_id: str | None, now: datetime
    ) -> list[str]:
        """Answer sentences about a run, or about one task of it.

        Raises:
            NotFoundError: There is no such Dag, run or task; the hint names the nearest.
        """
        run = find_run(tx, dag_id, run_id)
        if task_id is None:
            return [*self._why_run(tx, run, now), *_changed_since(tx, run)]
        rows = tasks.read_instances_of_task(tx, dag_id, run_id, task_id)
        if not rows:
            known = {row.task_id for row in tasks.read_instances(tx, run.pk)}
            raise NotFoundError(
                "task-not-found",
                f"Run '{run_id}' of Dag '{dag_id}' has no task '{task_id}'.",
                did_you_mean(task_id, known),
            )
        if run.state is RunState.QUEUED:
            return [f"Its run is queued: {one}" for one in self._why_queued(tx, run, now)]
        return [f"{_name(row)} {self._why_task(tx, run, row, now)}" for row in rows[:_SHOWN]]

    def _why_run(self, tx: Tx, run: Run, now: datetime) -> list[str]:
        if run.state is RunState.QUEUED:
            return [
                f"Run '{run.run_id}' is queued: {one}" for one in self._why_queued(tx, run, now)
            ]
        rows = tasks.read_instances(tx, run.pk)
        if run.state is RunState.RUNNING:
            open_rows = [row for row in rows if row.state in _OPEN]
            lines = [f"Run '{run.run_id}' is running: {len(open_rows)} tasks have not ended."]
        else:
            open_rows = [row for row in rows if row.state is TaskState.FAILED]
            lines = [f"Run '{run.run_id}' ended in {run.state}: {_last_word(tx, run)}."]
        lines += [f"{_name(row)} {self._why_task(tx, run, row, now)}" for row in open_rows[:_SHOWN]]
        if len(open_rows) > _SHOWN:
            lines.append(f"... and {len(open_rows) - _SHOWN} more.")
        return lines

    def _why_queued(self, tx: Tx, run: Run, now: datetime) -> list[str]:
        facts = dags.read_dag(tx, run.dag_id)
        running = {(d, b): n for d, b, n in runs.count_running(tx)}
        rooms = {
            run.dag_id: Room(
                limit=facts.max_active_runs,
                running=running.get((run.dag_id, None), 0),
                paused=facts.is_paused,
            )
        }
        of_backfills = {}
        if run.backfill_id is not None:
            own = backfills.read_backfill(tx, run.backfill_id)
            if own is not None:
                of_backfills[own.id] = Room(
                    limit=own.max_active_runs,
                    running=running.get((run.dag_id, own.id), 0),
                    paused=own.is_paused,
                )
        asked = QueuedRun(
            pk=run.pk,
            dag_id=run.dag_id,
            run_after=run.run_after,
            logical_date=run.logical_date,
            backfill_id=run.backfill_id,
        )
        plan = choose_runs_to_start([asked], now, dags=rooms, backfills=of_backfills)
        why = plan.waits.get(run.pk, "nothing holds it, it starts with the scheduler's next look")
        hint = f" Unpause it: tradewind dags unpause {run.dag_id}" if facts.is_paused else ""
        return [f"{why}.{hint}"]

    def _why_task(self, tx: Tx, run: Run, row: TaskInstance, now: datetime) -> str:
        state = row.state
        if state is TaskState.NONE:
            return self._why_none(tx, run, row)
        if state is TaskState.SCHEDULED:
            return self._why_scheduled(tx, row)
        if state is TaskState.QUEUED:
            return _why_queued_task(tx, row)
        if state in (TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE):
            seconds = max(0, round((row.wake_at - now).total_seconds())) if row.wake_at else 0
            tries = f"try {row.try_number} of {row.max_tries + 1}"
            return f"is {state} after {tries}: it goes on in {seconds} s. {_reason(tx, run, row)}"
        if state is TaskState.RUNNING:
            since = f" since {row.start_date.isoformat()}" if row.start_date else ""
            return f"runs{since} on {row.hostname} (try {row.try_number})."
        said = _reason(tx, run, row)
        return f"is {state}: {said}" if said else f"is {state}."

    def _why_none(self, tx: Tx, run: Run, row: TaskInstance) -> str:
        live = self._live.load(tx, run.pk)
        task = live.tasks.get(row.task_id)
        if task is None:
            return "is no task of the Dag version this run uses."
        plan = live.graph.plan
        above = [plan.tasks[n].task_id for n in plan.upstream[plan.index[row.task_id]]]
        waits = [
            f"'{r.task_id}' ({r.state})"
            for r in live.rows.values()
            if r.task_id in above and r.state in _OPEN
        ]
        if waits:
            return f"waits for {', '.join(waits[:_SHOWN])} (trigger rule {task.trigger_rule})."
        return _held_by_past(task)

    def _why_scheduled(self, tx: Tx, row: TaskInstance) -> str:
        candidate = self._live.waiting.candidate(row.id)
        if candidate is None:
            return "is ready and is admitted with the scheduler's next look."
        usage = self._live.waiting.usage
        usage.slots = {name: pool.slots for name, pool in pools.read_pools(tx).items()}
        held = why_held(candidate, usage)
        if held is not None:
            return f"is ready but held: {held.sentence}"
        if dags.read_dag(tx, row.dag_id).is_paused:
            return f"is ready, but its Dag is paused: tradewind dags unpause {row.dag_id}"
        return "is ready and is admitted with the scheduler's next look."


def _held_by_past(task: TaskSpec) -> str:
    if task.depends_on_past or task.wait_for_downstream:
        return "waits for its instance in the run before (depends_on_past)."
    return "is decided with the scheduler's next look."


def _why_queued_task(tx: Tx, row: TaskInstance) -> str:
    serving = [one for one in workers.read_live_workers(tx) if row.queue in one.queues]
    if not serving:
        return f"is admitted, but no live worker serves queue '{row.queue}'."
    free = sum(one.slots - attempts.count_live_attempts(tx, one.id) for one in serving)
    if free <= 0:
        slots = sum(one.slots for one in serving)
        return f"is admitted and waits for one of {slots} worker slots; all are in use."
    return "is admitted; a worker takes it with its next exchange."


def _name(row: TaskInstance) -> str:
    return f"'{row.task_id}'" if not row.map_path else f"'{row.task_id}' [{row.map_index}]"


def _reason(tx: Tx, run: Run, row: TaskInstance) -> str:
    """Answer the last thing the log or an attempt says of an instance."""
    tried = [one.error for one in attempts.read_attempts_of(tx, row.id) if one.error]
    if tried and row.state is not TaskState.UPSTREAM_FAILED:
        return tried[-1]
    moves = [
        one.event.reason
        for one in events.read_events(tx, run.pk)
        if isinstance(one.event, TaskMoved)
        and (one.event.task_id, one.event.map_path) == (row.task_id, row.map_path)
        and one.event.new is row.state
    ]
    if moves and moves[-1]:
        return moves[-1]
    return "a task above it failed." if row.state is TaskState.UPSTREAM_FAILED else ""


def _last_word(tx: Tx, run: Run) -> str:
    moves = [one.event for one in events.read_events(tx, run.pk) if isinstance(one.event, RunMoved)]
    return moves[-1].reason if moves and moves[-1].reason else "nothing more is known"


def _changed_since(tx: Tx, run: Run) -> list[str]:
    bundle = bundles.read_bundle(tx, run.bundle)
    if bundle is None or not run.digest or bundle.digest == run.digest:
        return []
    return [f"Files of bundle '{run.bundle}' have changed since this run was made."]
