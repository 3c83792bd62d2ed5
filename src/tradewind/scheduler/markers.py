"""Marks that a task of another Dag depends on one of this Dag: where a clear follows them to."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.store.database import Tx
from tradewind.store.rendered import read_rendered
from tradewind.store.tasks import TaskInstance

_FIELDS = ("external_dag_id", "external_task_id", "logical_date")
_SAME_DATE = frozenset(
    {
        "logical_date.isoformat()",
        "logical_date",
        "ts",
        "dag_run.logical_date.isoformat()",
        "execution_date.isoformat()",
        "execution_date",
    }
)
"""What a template says that means: the logical date of this run."""


class Target(NamedTuple):
    """A task of another Dag, in the run of that logical date."""

    dag_id: str
    task_id: str
    logical_date: datetime
    depth: int
    """How many marks in a row may be followed from here, this one counted."""


class Followed(NamedTuple):
    """What the marks among some instances lead to."""

    targets: list[Target]
    warnings: list[str]
    """Marks that cannot be followed, and why."""


def follow_marks(tx: Tx, run: Run, spec: DagSpec, rows: Iterable[TaskInstance]) -> Followed:
    """Answer what the marks among these instances of a run lead to.

    What a mark says is taken from what its last try rendered. Of one that has not run since, what
    its Dag says is read where that needs no templates but the run's own date.
    """
    tasks = {task.task_id: task for task in spec.tasks if task.recursion_depth > 0}
    marks = [row for row in rows if row.task_id in tasks] if tasks else []
    rendered = read_rendered(tx, [(row.id, row.try_number) for row in marks])
    found = Followed([], [])
    for row in marks:
        task = tasks[row.task_id]
        kept = rendered.get((row.id, row.try_number))
        said = msgspec.json.decode(kept.fields) if kept is not None and kept.fields else {}
        fields = [said.get(name) or _plain(task, name, run) for name in _FIELDS]
        date = _date(fields[2])
        if not isinstance(fields[0], str) or not isinstance(fields[1], str) or date is None:
            found.warnings.append(
                f"Mark '{row.task_id}' of run '{run.run_id}' of Dag '{run.dag_id}' is not "
                "followed: what it says is a template, and its last try did not keep it filled in."
            )
            continue
        found.targets.append(Target(fields[0], fields[1], date, task.recursion_depth))
    return found


def _plain(task: TaskSpec, name: str, run: Run) -> Any:
    """Answer a field of a mark without rendering it, or None where that cannot be known."""
    text = task.template_fields.get(name)
    if not isinstance(text, str) or not text:
        return None
    if "{" not in text:
        return text
    inner = text.strip().removeprefix("{{").removesuffix("}}").strip()
    moment = run.logical_date
    if moment is None:
        return None
    if inner in _SAME_DATE:
        return moment.isoformat()
    return moment.strftime("%Y-%m-%d") if inner == "ds" else None


def _date(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def cycle_sentence(target: Target, marks: Sequence[str]) -> str:
    """Answer why marks are followed no further."""
    way = " -> ".join([*marks, f"{target.dag_id}.{target.task_id}"])
    return f"More marks in a row than their recursion_depth of {target.depth} allows: {way}."
