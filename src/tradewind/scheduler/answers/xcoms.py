"""Questions about XComs beyond those of the own run."""

from datetime import datetime

from tradewind.core.runs import Run
from tradewind.errors import RefusedError
from tradewind.protocol.data_questions import DeleteXCom, FindXComs, SetXCom, XComsWithin
from tradewind.scheduler.answers.asker import Asker, Handlers
from tradewind.store import runs, tasks, xcoms
from tradewind.store.database import Tx


def find(tx: Tx, question: FindXComs, asker: Asker, now: datetime) -> list[tuple[int, bytes]]:
    """Answer what this run, else the newest before it, has under a key."""
    this = runs.read_run(tx, question.dag_id, question.run_id)
    if this is None:
        return []
    return xcoms.read_prior_xcoms(tx, this, question.task_id, question.key, question.map_index)


def within(tx: Tx, question: XComsWithin, asker: Asker, now: datetime) -> list[tuple[str, bytes]]:
    """Answer what instances of a task have under a key, those at or below a path."""
    this = runs.read_run(tx, question.dag_id, question.run_id)
    if this is None:
        return []
    return xcoms.read_xcoms_within(tx, this.pk, question.task_id, question.key, question.map_path)


def write(tx: Tx, question: SetXCom, asker: Asker, now: datetime) -> None:
    """Keep an XCom for a task instance."""
    this = _own_run(tx, question, asker)
    rows = tasks.read_instances_of_task(tx, this.dag_id, this.run_id, question.task_id)
    places = {row.map_index: row.map_path for row in rows}
    if question.map_index not in places:
        raise RefusedError(
            "no-task-instance",
            f"Run '{this.run_id}' has no task '{question.task_id}' with map index "
            f"{question.map_index}.",
        )
    one = xcoms.XCom(
        run_pk=this.pk,
        task_id=question.task_id,
        map_path=places[question.map_index],
        map_index=question.map_index,
        key=question.key,
        value=question.value,
        length=question.length,
        at=now,
    )
    xcoms.apply_xcoms(tx, [one])


def remove(tx: Tx, question: DeleteXCom, asker: Asker, now: datetime) -> bool:
    """Remove an XCom of a task instance."""
    this = _own_run(tx, question, asker)
    return xcoms.delete_xcom(tx, this.pk, question.task_id, question.map_index, question.key)


def _own_run(tx: Tx, question: SetXCom | DeleteXCom, asker: Asker) -> Run:
    own = runs.read_run_by_pk(tx, asker.needed_attempt().run_pk)
    this = runs.read_run(tx, question.dag_id, question.run_id)
    if own is None or this is None or this.dag_id != own.dag_id:
        raise RefusedError(
            "not-your-dag", f"A task may write XComs of its own Dag, not of '{question.dag_id}'."
        )
    return this


HANDLERS: Handlers = {
    FindXComs: find,
    XComsWithin: within,
    SetXCom: write,
    DeleteXCom: remove,
}
