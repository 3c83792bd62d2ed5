"""Questions about task instances."""

from datetime import datetime

import msgspec

from tradewind.core.spec import DagSpec
from tradewind.errors import NotFoundError, did_you_mean
from tradewind.protocol.questions import (
    CountInstances,
    GetInstances,
    GetPreviousInstance,
    GetStates,
    InstanceView,
)
from tradewind.scheduler.answers.asker import Asker, Handlers
from tradewind.store import dags, history, runs
from tradewind.store.database import Tx


def list_instances(
    tx: Tx, question: GetInstances, asker: Asker, now: datetime
) -> list[InstanceView]:
    """Answer all task instances of a run."""
    choice = history.InstanceChoice(dag_id=question.dag_id, run_ids=(question.run_id,))
    return [_view(seen) for seen in history.choose_instances(tx, choice)]


def count(tx: Tx, question: CountInstances, asker: Asker, now: datetime) -> int:
    """Answer how many task instances pass the filter."""
    return history.count_instances(tx, _choice(tx, question, question.states))


def read_states(
    tx: Tx, question: GetStates, asker: Asker, now: datetime
) -> dict[str, dict[str, str | None]]:
    """Answer states by run and task."""
    found: dict[str, dict[str, str | None]] = {}
    for seen in map(_view, history.choose_instances(tx, _choice(tx, question))):
        index = f"_{seen.map_index}" if seen.map_index >= 0 else ""
        found.setdefault(seen.run_id, {})[f"{seen.task_id}{index}"] = seen.state
    return found


def read_previous(
    tx: Tx, question: GetPreviousInstance, asker: Asker, now: datetime
) -> InstanceView | None:
    """Answer the instance of a task in an earlier run, or None."""
    this = runs.read_run(tx, question.dag_id, question.run_id)
    if this is None:
        return None
    choice = history.InstanceChoice(
        dag_id=question.dag_id,
        task_ids=(question.task_id,),
        map_index=question.map_index,
        states=None if question.state is None else (question.state,),
    )
    seen = history.read_previous_instance(tx, this, choice, question.logical_date)
    return None if seen is None else _view(seen)


def _view(seen: history.Seen) -> InstanceView:
    values = msgspec.structs.asdict(seen)
    values["state"] = None if seen.state == "none" else seen.state
    return InstanceView(**values)


def _choice(
    tx: Tx, question: CountInstances | GetStates, states: tuple[str | None, ...] | None = None
) -> history.InstanceChoice:
    task_ids = question.task_ids
    if question.task_group_id is not None:
        of_group = _tasks_of_group(tx, question.dag_id, question.task_group_id)
        task_ids = tuple(name for name in of_group if task_ids is None or name in task_ids)
    return history.InstanceChoice(
        dag_id=question.dag_id,
        task_ids=task_ids,
        map_index=question.map_index,
        run_ids=question.run_ids,
        logical_dates=question.logical_dates,
        states=states,
    )


def _tasks_of_group(tx: Tx, dag_id: str, group_id: str) -> list[str]:
    spec = dags.read_dag(tx, dag_id).decode_spec()
    if group_id not in spec.groups:
        raise NotFoundError(
            "task-group-not-found",
            f"Dag '{dag_id}' has no task group '{group_id}'.",
            did_you_mean(group_id, spec.groups),
        )
    return [task.task_id for task in spec.tasks if _is_within(spec, task.group, group_id)]


def _is_within(spec: DagSpec, group: str, wanted: str) -> bool:
    while group and group != wanted:
        group = spec.groups[group].parent
    return group == wanted


HANDLERS: Handlers = {
    GetInstances: list_instances,
    CountInstances: count,
    GetStates: read_states,
    GetPreviousInstance: read_previous,
}
