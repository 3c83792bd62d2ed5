"""Questions about Dags and their runs."""

from datetime import datetime

from tradewind.core.runs import Run, RunType
from tradewind.protocol.questions import (
    CountRuns,
    DagParts,
    DagView,
    GetDag,
    GetDagParts,
    GetPreviousRun,
    GetRun,
    ListRuns,
    RunView,
    TriggerRun,
)
from tradewind.scheduler.answers.asker import Asker, Handlers
from tradewind.scheduler.wishes import Trigger
from tradewind.store import dags, history, runs
from tradewind.store.database import Tx


def view_of(found: Run) -> RunView:
    """Answer what a task may learn of a run."""
    return RunView(
        dag_id=found.dag_id,
        run_id=found.run_id,
        run_type=found.run_type.value,
        state=found.state.value,
        run_after=found.run_after,
        logical_date=found.logical_date,
        data_interval_start=found.data_interval_start,
        data_interval_end=found.data_interval_end,
        start_date=found.start_date,
        end_date=found.end_date,
        conf=found.conf or {},
        note=found.note,
        partition_key=found.partition_key,
        triggered_by=found.triggered_by,
        clear_number=found.clear_number,
    )


def read_dag(tx: Tx, question: GetDag, asker: Asker, now: datetime) -> DagView | None:
    """Answer the Dag of this id, or None."""
    found = dags.find_dag(tx, question.dag_id)
    if found is None:
        return None
    return DagView(
        dag_id=found.dag_id,
        is_paused=found.is_paused,
        is_stale=found.is_stale,
        bundle_name=found.bundle,
        relative_fileloc=found.file,
        owners=tuple(found.owners),
        tags=tuple(found.tags),
    )


def read_parts(tx: Tx, question: GetDagParts, asker: Asker, now: datetime) -> DagParts | None:
    """Answer the tasks and task groups of a Dag, or None."""
    found = dags.find_dag(tx, question.dag_id)
    if found is None:
        return None
    spec = found.decode_spec()
    return DagParts(
        task_ids=tuple(task.task_id for task in spec.tasks), group_ids=tuple(spec.groups)
    )


def read_run(tx: Tx, question: GetRun, asker: Asker, now: datetime) -> RunView | None:
    """Answer the run of this id, or None."""
    found = runs.read_run(tx, question.dag_id, question.run_id)
    return None if found is None else view_of(found)


def read_previous(tx: Tx, question: GetPreviousRun, asker: Asker, now: datetime) -> RunView | None:
    """Answer the run before, or None."""
    this = runs.read_run(tx, question.dag_id, question.run_id)
    if this is None:
        return None
    found = history.read_previous_run(tx, this, question.state, question.run_type)
    return None if found is None else view_of(found)


def list_runs(tx: Tx, question: ListRuns, asker: Asker, now: datetime) -> list[RunView]:
    """Answer the runs that pass the filter."""
    return [view_of(found) for found in history.choose_runs(tx, _choice(question))]


def count_runs(tx: Tx, question: CountRuns, asker: Asker, now: datetime) -> int:
    """Answer how many runs pass the filter."""
    return history.count_runs(tx, _choice(question))


def trigger(tx: Tx, question: TriggerRun, asker: Asker, now: datetime) -> RunView:
    """Make a run that a task asks for."""
    asker.needed_attempt()
    assert asker.trigger is not None  # noqa: S101 - given to whoever asks, before a handler is
    wish = Trigger(
        dag_id=question.dag_id,
        run_type=RunType.OPERATOR_TRIGGERED,
        run_id=question.run_id,
        logical_date=question.logical_date,
        run_after=question.run_after,
        conf=question.conf,
        note=question.note,
        triggered_by="operator",
    )
    return view_of(asker.trigger(tx, wish, question.reset, now))


def _choice(question: ListRuns | CountRuns) -> history.RunChoice:
    return history.RunChoice(
        dag_ids=question.dag_ids,
        run_ids=question.run_ids,
        logical_dates=question.logical_dates,
        states=question.states,
        run_types=question.run_types,
    )


HANDLERS: Handlers = {
    GetDag: read_dag,
    GetDagParts: read_parts,
    GetRun: read_run,
    GetPreviousRun: read_previous,
    ListRuns: list_runs,
    CountRuns: count_runs,
    TriggerRun: trigger,
}
