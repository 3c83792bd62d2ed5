"""Which task instances of which runs a person means: read from rows, changing nothing."""

from collections.abc import Iterable, Sequence

import msgspec

from tradewind.core.clearing import Choice, choose_instances
from tradewind.core.nodes import Instance
from tradewind.core.plan import DagPlan
from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec
from tradewind.errors import NotFoundError, did_you_mean
from tradewind.store import chosen_runs, dags, runs, tasks
from tradewind.store.chosen_runs import RunScope
from tradewind.store.database import Tx
from tradewind.store.tasks import TaskInstance

_NEAR = 200


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """What is meant of one run."""

    run: Run
    spec: DagSpec
    rows: tuple[TaskInstance, ...]


class Selection:
    """One look at the rows; what it read of Dag versions is used for every run of them."""

    def __init__(self, tx: Tx) -> None:
        """Look through this transaction."""
        self._tx = tx
        self._specs: dict[int, DagSpec] = {}
        self._plans: dict[tuple[int, frozenset[str]], DagPlan] = {}

    def runs(self, dag_id: str, scope: RunScope) -> list[Run]:
        """Answer the runs that are meant, the earliest first.

        Raises:
            NotFoundError: There is no such Dag, or it has no run of an id that was named.
        """
        found = chosen_runs.choose_runs(self._tx, dag_id, scope)
        missing = set(scope.run_ids) - {run.run_id for run in found}
        if missing or not found:
            dags.read_dag(self._tx, dag_id)
        for run_id in sorted(missing):
            if runs.read_run(self._tx, dag_id, run_id) is None:
                near = runs.list_runs(self._tx, runs.RunFilter(dag_id=dag_id), limit=_NEAR)
                raise NotFoundError(
                    "run-not-found",
                    f"Dag '{dag_id}' has no run '{run_id}'.",
                    did_you_mean(run_id, [one.run_id for one in near]),
                )
        return found

    def spec(self, version_id: int) -> DagSpec:
        """Answer what a Dag version says."""
        if version_id not in self._specs:
            data = dags.read_version_bytes(self._tx, version_id)
            self._specs[version_id] = msgspec.json.decode(data, type=DagSpec)
        return self._specs[version_id]

    def rows(self, run: Run, version_id: int, choice: Choice) -> list[TaskInstance]:
        """Answer the instances of a run that are meant, by what this version says of its tasks."""
        spec = self.spec(version_id)
        rows = tasks.read_instances(self._tx, run.pk)
        present = frozenset(row.task_id for row in rows)
        plan = self._plans.get((version_id, present))
        if plan is None:
            plan = self._plans[version_id, present] = DagPlan(spec, present)
        by_key = {(row.task_id, row.map_path): row for row in rows}
        chosen = choose_instances(spec, plan, map(as_instance, rows), choice)
        return [by_key[one.task_id, one.map_path] for one in chosen]

    def select(self, dag_id: str, scope: RunScope, choice: Choice) -> list[Selected]:
        """Answer what is meant of each run, by the versions that the runs use.

        Raises:
            NotFoundError: There is no such Dag, run, task, group or map index.
        """
        found = []
        for run in self.runs(dag_id, scope):
            version = run.version_id or 0
            rows = self.rows(run, version, choice)
            found.append(Selected(run=run, spec=self.spec(version), rows=tuple(rows)))
        check_names(dag_id, [one.spec for one in found], choice)
        if found:
            check_indices(dag_id, found, choice)
        return found


def as_instance(row: TaskInstance) -> Instance:
    """Answer a row as the core reads it."""
    return Instance(
        task_id=row.task_id,
        map_path=row.map_path,
        map_index=row.map_index,
        state=row.state,
        try_number=row.try_number,
        max_tries=row.max_tries,
    )


def check_names(dag_id: str, specs: Sequence[DagSpec], choice: Choice) -> None:
    """Refuse what names a task or a group that none of these versions has.

    Raises:
        NotFoundError: The hint names the nearest.
    """
    if not specs:
        return
    known = {task.task_id for spec in specs for task in spec.tasks}
    groups = {name for spec in specs for name in spec.groups}
    for pick in choice.picks:
        if pick.task_id not in known:
            hint = did_you_mean(pick.task_id, known)
            if pick.task_id in groups:
                hint = "That is a task group: name it as one."
            raise NotFoundError(
                "task-not-found", f"Dag '{dag_id}' has no task '{pick.task_id}'.", hint
            )
    for name in choice.groups:
        if name not in groups:
            raise NotFoundError(
                "task-group-not-found",
                f"Dag '{dag_id}' has no task group '{name}'.",
                did_you_mean(name, groups),
            )


def check_indices(dag_id: str, found: Iterable[Selected], choice: Choice) -> None:
    """Refuse a map index that no instance of the task has.

    Raises:
        NotFoundError: No run that is meant has such an instance.
    """
    indexed = [pick for pick in choice.picks if pick.map_index is not None]
    if not indexed or choice.states is not None:
        return
    there = {(row.task_id, row.map_index) for one in found for row in one.rows}
    for pick in indexed:
        if (pick.task_id, pick.map_index) not in there:
            raise NotFoundError(
                "task-not-found",
                f"Task '{pick.task_id}' of Dag '{dag_id}' has no instance "
                f"with map index {pick.map_index} there.",
            )
