"""Reads the thing a path names, or refuses with the nearest right answer."""

from tradewind.api.public.fields import EVERY
from tradewind.core.runs import Run
from tradewind.errors import NotFoundError, did_you_mean
from tradewind.store import dags, runs, tasks
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx
from tradewind.store.runs import RunFilter
from tradewind.store.tasks import TaskInstance

_NEAR = 200


def find_dag(tx: Tx, dag_id: str) -> DagFacts:
    """Answer a Dag.

    Raises:
        NotFoundError: There is none of that id.
    """
    facts = dags.find_dag(tx, dag_id)
    if facts is None:
        near = did_you_mean(dag_id, dags.read_dag_ids(tx))
        raise NotFoundError("dag-not-found", f"The Dag with ID: `{dag_id}` was not found", near)
    return facts


def dag_or_every(tx: Tx, dag_id: str) -> str | None:
    """Answer the id of a Dag that is there, None for the wildcard.

    Raises:
        NotFoundError: It is no wildcard, and there is none of that id.
    """
    return None if dag_id == EVERY else find_dag(tx, dag_id).dag_id


def find_run(tx: Tx, dag_id: str, run_id: str) -> Run:
    """Answer a run.

    Raises:
        NotFoundError: There is no such Dag, or it has no such run.
    """
    run = runs.read_run(tx, dag_id, run_id)
    if run is None:
        find_dag(tx, dag_id)
        known = runs.list_runs(tx, RunFilter(dag_id=dag_id), limit=_NEAR)
        raise NotFoundError(
            "run-not-found",
            f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found",
            did_you_mean(run_id, [one.run_id for one in known]),
        )
    return run


def find_instance(
    tx: Tx, dag_id: str, run_id: str, task_id: str, map_index: int | None
) -> tuple[Run, TaskInstance]:
    """Answer one instance of a task in a run, with the run.

    Args:
        tx: The transaction.
        dag_id: Of the run.
        run_id: Of the run.
        task_id: Of the task.
        map_index: None for whichever there is, if there is but one.

    Raises:
        NotFoundError: No such Dag, run, task or index; or the task is mapped and no index is given.
    """
    run = find_run(tx, dag_id, run_id)
    found = tasks.read_instances_of_task(tx, dag_id, run_id, task_id)
    place = f"dag_id: `{dag_id}`, run_id: `{run_id}` and task_id: `{task_id}`"
    if not found:
        known = {one.task_id for one in tasks.read_instances(tx, run.pk)}
        raise NotFoundError(
            "task-not-found",
            f"The Task Instance with {place} was not found",
            did_you_mean(task_id, known),
        )
    if map_index is None:
        if len(found) == 1 and not found[0].map_path:
            return run, found[0]
        raise NotFoundError(
            "task-is-mapped",
            f"The Task Instance with {place} is mapped",
            f"Add its map index: 0 to {len(found) - 1}.",
        )
    for one in found:
        if one.map_index == map_index:
            return run, one
    raise NotFoundError(
        "task-not-found", f"The Task Instance with {place} has no map_index: `{map_index}`"
    )
