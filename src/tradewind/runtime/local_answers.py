"""What tasks of a local run are told of runs and instances: this one run is all there is."""

from collections.abc import Callable
from typing import Any

from tradewind.core.graph import RunGraph
from tradewind.core.states import TaskState
from tradewind.protocol.orders import RunFacts
from tradewind.protocol.questions import (
    CountInstances,
    CountRuns,
    DagParts,
    DagView,
    GetDag,
    GetDagParts,
    GetInstances,
    GetPreviousInstance,
    GetPreviousRun,
    GetRun,
    GetStates,
    InstanceView,
    ListRuns,
    Question,
    RunView,
)
from tradewind.sdk.dags import DAG

Answers = dict[type[Question], Callable[[Any], Any]]


class LocalAnswers:
    """Answers from the graph of the run, as a server would from its rows."""

    def __init__(self, dag: DAG, facts: RunFacts, graph: RunGraph, below: Answers) -> None:
        """Answer of this run; of other Dags let those answer who did so far (``below``)."""
        self._dag = dag
        self._facts = facts
        self._graph = graph
        self._below = dict(below)

    def table(self) -> Answers:
        """Answer what answers each kind of question."""
        return {kind: self._or_below(kind, own) for kind, own in self._own().items()}

    def _or_below(self, kind: type[Question], own: Callable[[Any], Any]) -> Callable[[Any], Any]:
        below = self._below.get(kind)
        if below is None:
            return own
        return lambda question: own(question) if self._is_asked(question) else below(question)

    def _is_asked(self, question: Any) -> bool:
        named = question.dag_ids if isinstance(question, ListRuns | CountRuns) else None
        if named is None:
            named = (getattr(question, "dag_id", self._facts.dag_id),)
        return self._facts.dag_id in named

    def _own(self) -> Answers:
        return {
            GetDag: self._get_dag,
            GetDagParts: self._get_parts,
            GetRun: self._get_run,
            GetPreviousRun: lambda _: None,
            ListRuns: self._list_runs,
            CountRuns: lambda question: len(self._list_runs(question)),
            GetInstances: self._get_instances,
            CountInstances: self._count_instances,
            GetStates: self._get_states,
            GetPreviousInstance: lambda _: None,
        }

    def _get_dag(self, question: GetDag) -> DagView | None:
        if question.dag_id != self._dag.dag_id:
            return None
        tags = tuple(sorted(self._dag.tags))
        return DagView(dag_id=question.dag_id, is_paused=False, tags=tags)

    def _get_parts(self, question: GetDagParts) -> DagParts | None:
        if question.dag_id != self._dag.dag_id:
            return None
        groups = (name for name in self._dag.task_group.get_task_group_dict() if name)
        return DagParts(task_ids=tuple(self._dag.task_dict), group_ids=tuple(groups))

    def _run(self) -> RunView:
        facts = self._facts
        shared = set(RunView.__struct_fields__) & set(RunFacts.__struct_fields__)
        return RunView(
            state=self._graph.state.value, **{name: getattr(facts, name) for name in shared}
        )

    def _get_run(self, question: GetRun) -> RunView | None:
        own = (question.dag_id, question.run_id) == (self._facts.dag_id, self._facts.run_id)
        return self._run() if own else None

    def _list_runs(self, question: ListRuns | CountRuns) -> list[RunView]:
        view = self._run()
        fits = (
            _fits(view.dag_id, question.dag_ids)
            and _fits(view.run_id, question.run_ids)
            and _fits(view.logical_date, question.logical_dates)
            and _fits(view.state, question.states)
            and _fits(view.run_type, question.run_types)
        )
        return [view] if fits else []

    def _get_instances(self, question: GetInstances) -> list[InstanceView]:
        own = (question.dag_id, question.run_id) == (self._facts.dag_id, self._facts.run_id)
        return self._all() if own else []

    def _count_instances(self, question: CountInstances) -> int:
        return len([one for one in self._chosen(question) if _fits(one.state, question.states)])

    def _get_states(self, question: GetStates) -> dict[str, dict[str, str | None]]:
        found: dict[str, dict[str, str | None]] = {}
        for one in self._chosen(question):
            index = f"_{one.map_index}" if one.map_index >= 0 else ""
            found.setdefault(one.run_id, {})[f"{one.task_id}{index}"] = one.state
        return found

    def _chosen(self, question: CountInstances | GetStates) -> list[InstanceView]:
        if question.dag_id != self._facts.dag_id:
            return []
        of_group: tuple[str, ...] | None = None
        if question.task_group_id is not None:
            group = self._dag.task_group.get_task_group_dict()[question.task_group_id]
            of_group = tuple(task.task_id for task in group.iter_tasks())
        wanted = None if question.map_index is None else (question.map_index,)
        return [
            one
            for one in self._all()
            if _fits(one.task_id, question.task_ids)
            and _fits(one.task_id, of_group)
            and _fits(one.map_index, wanted)
            and _fits(one.run_id, question.run_ids)
            and _fits(one.logical_date, question.logical_dates)
        ]

    def _all(self) -> list[InstanceView]:
        return [
            InstanceView(
                dag_id=self._facts.dag_id,
                run_id=self._facts.run_id,
                task_id=one.task_id,
                map_index=one.map_index,
                state=None if one.state is TaskState.NONE else one.state.value,
                try_number=one.try_number,
                operator=str(self._dag.get_task(one.task_id).task_type),
                logical_date=self._facts.logical_date,
            )
            for one in self._graph.snapshot()
        ]


def _fits(value: Any, wanted: tuple[Any, ...] | None) -> bool:
    return wanted is None or value in wanted
