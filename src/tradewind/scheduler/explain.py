"""Why: what waits can say what it waits for, and what ended how it came to that."""

from collections.abc import Mapping
from datetime import datetime

from tradewind.core.admission import why_held
from tradewind.core.events import RunMoved, TaskMoved
from tradewind.core.planning import QueuedRun, choose_runs_to_start
from tradewind.core.runs import Run, iso_utc
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState
from tradewind.core.why import WaitFacts, why_run, why_task
from tradewind.errors import NotFoundError, did_you_mean
from tradewind.scheduler.asset_conditions import read_waits
from tradewind.scheduler.commands import find_run
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.outside import why_outside
from tradewind.scheduler.planner import room_of_backfill, room_of_dag
from tradewind.scheduler.runs import Runs
from tradewind.store import (
    attempts,
    backfills,
    bundles,
    dags,
    deadlines,
    events,
    pools,
    runs,
    workers,
)
from tradewind.store.database import Tx
from tradewind.store.deadlines import Deadline, DeadlineFilter
from tradewind.store.tasks import TaskInstance

_SHOWN = 20


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
        live = self._live.view(tx, run)
        waits = self._why_queued(tx, run, now) if run.state is RunState.QUEUED else ""
        reasons = _reasons(tx, run)
        if task_id is not None:
            rows = [row for row in live.rows.values() if row.task_id == task_id]
            if not rows:
                raise NotFoundError(
                    "task-not-found",
                    f"Run '{run_id}' of Dag '{dag_id}' has no task '{task_id}'.",
                    did_you_mean(task_id, {row.task_id for row in live.rows.values()}),
                )
            return [self._why_task(tx, live, row, waits, reasons) for row in rows[:_SHOWN]]
        lines = [
            f"Run '{run_id}': " + why_run(live.graph, now, waits=waits, reason=reasons.get("", "")),
        ]
        rows = [row for row in live.rows.values() if _is_worth_telling(run, row.state)]
        lines += [self._why_task(tx, live, row, waits, reasons) for row in rows[:_SHOWN]]
        if len(rows) > _SHOWN:
            lines.append(f"... and {len(rows) - _SHOWN} more tasks.")
        return [*lines, *_deadlines(tx, live), *_changed_since(tx, run)]

    def why_dag(self, tx: Tx, dag_id: str) -> list[str]:
        """Answer sentences about what the next run of a Dag waits for.

        Raises:
            NotFoundError: There is no such Dag; the hint names the nearest.
        """
        facts = dags.read_dag(tx, dag_id)
        lines = []
        if facts.is_paused:
            lines.append(f"Dag '{dag_id}' is paused: nothing starts by itself.")
        if facts.is_stale or facts.has_import_errors:
            why = "it is gone from its file" if facts.is_stale else "its file cannot be imported"
            lines.append(f"Dag '{dag_id}' is not scheduled: {why}.")
        for wait in read_waits(tx, dag_id):
            whose = f"Partition '{wait.partition_key}'" if wait.partition_key else "Its next run"
            said = f"waits for {wait.missing}" if wait.missing else "has all the assets it needs"
            lines.append(f"{whose} {said}; {wait.events} events are queued for it.")
        due = facts.marks.next_due_at
        if due is not None:
            lines.append(f"By time it is due at {iso_utc(due)}.")
        return lines or [f"Dag '{dag_id}' waits for nothing: its runs are triggered."]

    def _why_task(
        self, tx: Tx, live: LiveRun, row: TaskInstance, waits: str, reasons: Mapping[str, str]
    ) -> str:
        name = f"'{row.task_id}'" if not row.map_path else f"'{row.task_id}' [{row.map_index}]"
        if (row.task_id, row.map_path) not in live.graph.nodes:
            return f"{name}: It is no task of the Dag version this run uses."
        held, paused, alive = None, False, None
        if row.state is TaskState.SCHEDULED:
            paused = live.run.backfill_id is None and dags.read_dag(tx, row.dag_id).is_paused
            candidate = self._live.waiting.candidate(row.id)
            if candidate is not None:
                usage = self._live.waiting.usage
                self._live.waiting.set_pools(*pools.read_slots(tx))
                held = why_held(candidate, usage)
        elif row.state is TaskState.QUEUED:
            alive = sum(row.queue in one.queues for one in workers.read_live_workers(tx))
        facts = WaitFacts(
            held=held,
            paused=paused,
            ending=self._live.waiting.is_ending(row.id),
            workers=alive,
            reason=reasons.get(f"{row.task_id}/{row.map_path}", "") or _said(tx, row),
            run_waits=waits,
            outside=why_outside(tx, row),
        )
        return f"{name}: {why_task(live.graph, row.task_id, row.map_path, facts)}"

    def _why_queued(self, tx: Tx, run: Run, now: datetime) -> str:
        facts = dags.read_dag(tx, run.dag_id)
        running = runs.count_running(tx, [run.dag_id])
        of_dag = room_of_dag(facts, running.get((run.dag_id, None), 0))
        of_backfill = {}
        if run.backfill_id is not None:
            own = backfills.read_backfill(tx, run.backfill_id)
            at_work = running.get((run.dag_id, run.backfill_id), 0)
            of_backfill[run.backfill_id] = room_of_backfill(own, at_work, is_stale=facts.is_stale)
        asked = QueuedRun(
            pk=run.pk,
            dag_id=run.dag_id,
            run_after=run.run_after,
            logical_date=run.logical_date,
            backfill_id=run.backfill_id,
        )
        plan = choose_runs_to_start([asked], now, dags={run.dag_id: of_dag}, backfills=of_backfill)
        return plan.waits.get(run.pk, "")


def _is_worth_telling(run: Run, state: TaskState) -> bool:
    return state is TaskState.FAILED if run.state in TERMINAL_RUN else state not in TERMINAL_TASK


def _reasons(tx: Tx, run: Run) -> dict[str, str]:
    """Answer the last reason the log gives for each instance by ``task/path``, and for the run."""
    reasons: dict[str, str] = {}
    for logged in events.read_events(tx, run.pk):
        if isinstance(logged.event, RunMoved):
            reasons[""] = logged.event.reason
        elif isinstance(logged.event, TaskMoved):
            reasons[f"{logged.event.task_id}/{logged.event.map_path}"] = logged.event.reason
    return reasons


def _said(tx: Tx, row: TaskInstance) -> str:
    """Answer what the last try said of its own failure."""
    if row.state not in (TaskState.FAILED, TaskState.UP_FOR_RETRY):
        return ""
    tried = [one.error for one in attempts.read_attempts_of(tx, row.id) if one.error]
    return tried[-1] if tried else ""


def _deadlines(tx: Tx, live: LiveRun) -> list[str]:
    if not live.spec.deadlines and not live.watched:
        return []
    wish = DeadlineFilter(run_pk=live.pk, states=("missed", "pending"))
    found = deadlines.list_deadlines(tx, wish, limit=_SHOWN)
    return [told for one, _ in found if one.due_at is not None and (told := _deadline(one))]


def _deadline(one: Deadline) -> str:
    whose = f" of {one.scope} '{one.owner}'" if one.owner else ""
    name = f" '{one.name}'" if one.name else ""
    due = "" if one.due_at is None else one.due_at.isoformat(timespec="seconds")
    is_missed = one.state == "missed"
    return (
        f"Deadline{name}{whose}: {'missed; it was' if is_missed else 'not missed yet;'} due {due}."
    )


def _changed_since(tx: Tx, run: Run) -> list[str]:
    bundle = bundles.read_bundle(tx, run.bundle)
    if bundle is None or not run.digest or bundle.digest == run.digest:
        return []
    if run.pinned_file:
        since = f"; it has {bundle.version} now" if bundle.version else ""
        return [f"It keeps the files of bundle '{run.bundle}' that it was made with{since}."]
    return [f"Files of bundle '{run.bundle}' have changed since this run was made."]
